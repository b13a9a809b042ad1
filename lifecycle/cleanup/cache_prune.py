"""`invoke cache.prune`: remove what no current combination needs from the cache and the engine."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.cache.last_used import used, write_used
from lifecycle.cleanup.cache_plan import Fate, remove
from lifecycle.cleanup.engine_plan import ImageFate, remove_images
from lifecycle.cleanup.retention import Age, ItemKind
from lifecycle.cleanup.survey import CacheSurvey, survey


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """The outcome: the decisions, and the freed bytes in the cache and in the engine."""

    kept: CacheSurvey
    freed: int = 0
    freed_in_engine: int = 0


def show_cache_prune(session: Session, older_than: Age | None, *, dry_run: bool, as_json: bool) -> None:
    """Remove items that no current combination needs and that were not used within an age, and print the outcome.

    With `dry_run` nothing is removed. Raises NotLockedError, and the engine's errors.
    """
    # Without a cache there is nothing to lock. The needed items are read under the lock, since another task may have changed
    # versions.lock.
    with session.exclusive(dry_run=dry_run or not session.cache.root.exists()):
        kept = survey(session, older_than)
        pruned = Pruned(kept=kept) if dry_run else _prune(session, kept)
    if as_json:
        output.print_json(_plain(session, pruned, dry_run=dry_run))
    else:
        _print(pruned, dry_run=dry_run)


def _prune(session: Session, kept: CacheSurvey) -> Pruned:
    # The engine first: it is the one that may refuse.
    images, freed_in_engine = _prune_engine(session, kept.images)
    freed = remove(session.cache, kept.items)
    gone = {f.item.name for f in kept.items if f.goes} | {name for f in images or () if f.goes for name in f.names}
    record = used(session.cache)
    if gone & record.keys():
        write_used(session.cache, {name: at for name, at in record.items() if name not in gone})
    return Pruned(kept=replace(kept, images=images), freed=freed, freed_in_engine=freed_in_engine)


def _prune_engine(session: Session, images: list[ImageFate] | None) -> tuple[list[ImageFate] | None, int]:
    """Remove images. Return the decisions and the freed bytes."""
    if images is None or not any(fate.goes for fate in images):
        return images, 0
    before = session.engine.stored_bytes()
    done = remove_images(session.engine, images)
    # Whoever else works with the engine may have made it more.
    return done, max(0, before - session.engine.stored_bytes())


def _print(pruned: Pruned, *, dry_run: bool) -> None:
    gone = "WOULD GO" if dry_run else "removed"
    things = [f for f in pruned.kept.items if not f.needed and f.what is not ItemKind.FOREIGN]
    images = [f for f in pruned.kept.images or () if not f.needed]
    rows = [
        (
            gone if fates[0].goes else "stays",
            what,
            str(len(fates)),
            output.room(sum(f.item.size for f in fates)),
            reason,
        )
        for (what, reason), fates in _grouped(things).items()
    ]
    rows += [
        (gone if f.goes else "stays", ", ".join(f.names), "1", output.room(f.size), _why(f.reason, f.kept))
        for f in images
    ]
    if not rows:
        output.print_lines(["there is nothing to remove"])
        return
    output.print_table("cache prune", ["", "what", "count", "size", "reason"], rows)
    if any(f.goes for f in things) and not dry_run:
        output.print_lines([f"{output.room(pruned.freed)} freed in the cache"])
    if any(f.goes for f in images) and not dry_run:
        output.print_lines([f"{output.room(pruned.freed_in_engine)} freed in the engine"])


def _grouped(things: Sequence[Fate]) -> dict[tuple[str, str], list[Fate]]:
    """Group decisions by kind of item and reason, in the order of a table."""
    groups: dict[tuple[str, str], list[Fate]] = {}
    for fate in sorted(things, key=lambda f: list(ItemKind).index(f.what)):
        groups.setdefault((fate.what, _why(fate.reason, fate.kept)), []).append(fate)
    return groups


def _why(reason: str, kept: str) -> str:
    return f"{reason}, but {kept}" if kept else reason


def _plain(session: Session, pruned: Pruned, *, dry_run: bool) -> dict[str, object]:
    """Return the outcome as plain data. docs/reference/tasks.md documents the keys."""
    things = [
        {
            "what": str(f.what),
            "path": str(f.item.path),
            "size": f.item.size,
            "used": int(f.item.used),
            "reason": f.reason,
            "kept": f.kept,
        }
        for f in pruned.kept.items
        if not f.needed and f.what is not ItemKind.FOREIGN
    ]
    images = [asdict(f) for f in pruned.kept.images or () if not f.needed]
    return {
        "cache": str(session.cache.root),
        "dry_run": dry_run,
        "freed": pruned.freed,
        "freed_in_engine": pruned.freed_in_engine,
        "things": things,
        "images": None if pruned.kept.images is None else images,
    }
