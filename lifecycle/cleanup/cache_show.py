"""`invoke cache.show`: print the size of the cache and of images in the engine, one line per kind of item."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.cleanup.retention import ItemKind
from lifecycle.cleanup.survey import survey


@dataclass(frozen=True, kw_only=True)
class Row:
    """A kind of item: the number of items, their bytes, and how many of the bytes are needed or not."""

    what: str
    count: int
    size: int
    needed: int
    not_needed: int


def show_room(session: Session, *, as_json: bool) -> None:
    """Print the size of the cache and of images in the engine. Raises NotLockedError."""
    decisions = survey(session)
    cache = rows((f.kind, f.item.size, f.needed) for f in decisions.items if f.kind is not ItemKind.FOREIGN)
    cache.sort(key=lambda row: list(ItemKind).index(ItemKind(row.what)))
    images = (
        None if decisions.images is None else rows((f.item.repository, f.item.size, f.needed) for f in decisions.images)
    )
    if images:
        images.sort(key=lambda row: row.what)
    foreign = [f.item for f in decisions.items if f.kind is ItemKind.FOREIGN]
    if as_json:
        plain = {
            "cache": str(session.cache.root),
            "things": [asdict(row) for row in cache],
            "images": None if images is None else [asdict(row) for row in images],
            "not_ours": [{"path": str(item.path), "size": item.size} for item in foreign],
        }
        output.print_json(plain)
        return
    if cache:
        _print(str(session.cache.root), cache)
    else:
        output.print_lines([f"there is nothing in {session.cache.root}"])
    output.print_lines(f"not ours, left alone: {item.path} ({output.format_size(item.size)})" for item in foreign)
    if images:
        output.print_lines([""])
        _print("the engine's bases and builders", images)
    can_go = sum(row.not_needed for row in [*cache, *(images or [])])
    if can_go:
        output.print_lines([f"not needed: {output.format_size(can_go)}, which `invoke cache.prune` removes"])


def rows(things: Iterable[tuple[str, int, bool]]) -> list[Row]:
    """Return a row for each kind, in the order of their first item; an item is its kind, its size and whether it is needed."""
    sorts: dict[str, list[tuple[int, bool]]] = {}
    for what, size, needed in things:
        sorts.setdefault(what, []).append((size, needed))
    return [_row(what, found) for what, found in sorts.items()]


def _row(what: str, found: Sequence[tuple[int, bool]]) -> Row:
    size, needed = sum(size for size, _ in found), sum(size for size, is_needed in found if is_needed)
    return Row(what=str(what), count=len(found), size=size, needed=needed, not_needed=size - needed)


def _print(title: str, found: Sequence[Row]) -> None:
    total = Row(
        what="all of it",
        count=sum(row.count for row in found),
        size=sum(row.size for row in found),
        needed=sum(row.needed for row in found),
        not_needed=sum(row.not_needed for row in found),
    )
    # A table's own title is folded where the table is narrow, and a path would be.
    output.print_lines([title])
    output.print_table(
        "",
        ["what", "count", "size", "needed", "not needed"],
        [
            (row.what, str(row.count), output.format_size(row.size), _room(row.needed), _room(row.not_needed))
            for row in [*found, total]
        ],
    )


def _room(size: int) -> str:
    return output.format_size(size) if size else "–"
