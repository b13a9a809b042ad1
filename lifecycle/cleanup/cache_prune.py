"""`invoke cache.prune`: remove what no current combination needs from the cache and the engine."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.cache.last_used import used, write_used
from lifecycle.cleanup.cache_plan import CacheDecision, remove
from lifecycle.cleanup.engine_plan import BuildImage, remove_images
from lifecycle.cleanup.retention import Age, Decision, ItemKind
from lifecycle.cleanup.survey import CacheSurvey, survey


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """The outcome: the decisions, and the freed bytes in the cache and in the engine."""

    decisions: CacheSurvey
    freed: int = 0
    freed_in_engine: int = 0


def show_cache_prune(session: Session, older_than: Age | None, *, dry_run: bool, as_json: bool) -> None:
    """Remove items that no current combination needs and that were not used within an age, and print the outcome.

    With `dry_run` nothing is removed. Raises NotLockedError, and the engine's errors.
    """
    # Without a cache there is nothing to lock. The needed items are read under the lock, since another task may have changed
    # versions.lock.
    with session.exclusive(dry_run=dry_run or not session.cache.root.exists()):
        decisions = survey(session, older_than)
        pruned = Pruned(decisions=decisions) if dry_run else _prune(session, decisions)
    if as_json:
        output.print_json(_plain(session, pruned, dry_run=dry_run))
    else:
        _print(pruned, dry_run=dry_run)


def _prune(session: Session, decisions: CacheSurvey) -> Pruned:
    # The engine first: it is the one that may refuse.
    images, freed_in_engine = _prune_engine(session, decisions.images)
    freed = remove(session.cache, decisions.items)
    gone = {f.item.name for f in decisions.items if f.to_remove} | {
        name for f in images or () if f.to_remove for name in f.item.names
    }
    record = used(session.cache)
    if gone & record.keys():
        write_used(session.cache, {name: at for name, at in record.items() if name not in gone})
    return Pruned(decisions=replace(decisions, images=images), freed=freed, freed_in_engine=freed_in_engine)


def _prune_engine(
    session: Session, images: list[Decision[BuildImage]] | None
) -> tuple[list[Decision[BuildImage]] | None, int]:
    """Remove images. Return the decisions and the freed bytes."""
    if images is None or not any(decision.to_remove for decision in images):
        return images, 0
    before = session.engine.stored_bytes()
    done = remove_images(session.engine, images)
    # Others may have used the engine meanwhile, so that it has more.
    return done, max(0, before - session.engine.stored_bytes())


def _print(pruned: Pruned, *, dry_run: bool) -> None:
    gone = "WOULD GO" if dry_run else "removed"
    items = [f for f in pruned.decisions.items if not f.needed and f.kind is not ItemKind.FOREIGN]
    images = [f for f in pruned.decisions.images or () if not f.needed]
    rows = [
        (
            gone if group[0].to_remove else "stays",
            kind,
            str(len(group)),
            output.format_size(sum(f.item.size for f in group)),
            reason,
        )
        for (kind, reason), group in _grouped(items).items()
    ]
    rows += [
        (
            gone if f.to_remove else "stays",
            ", ".join(f.item.names),
            "1",
            output.format_size(f.item.size),
            _why(f.reason, f.kept),
        )
        for f in images
    ]
    if not rows:
        output.print_lines(["there is nothing to remove"])
        return
    output.print_table("cache prune", ["", "what", "count", "size", "reason"], rows)
    if any(f.to_remove for f in items) and not dry_run:
        output.print_lines([f"{output.format_size(pruned.freed)} freed in the cache"])
    if any(f.to_remove for f in images) and not dry_run:
        output.print_lines([f"{output.format_size(pruned.freed_in_engine)} freed in the engine"])


def _grouped(items: Sequence[CacheDecision]) -> dict[tuple[str, str], list[CacheDecision]]:
    """Group decisions by kind of item and reason, in the order of a table."""
    groups: dict[tuple[str, str], list[CacheDecision]] = {}
    for decision in sorted(items, key=lambda f: list(ItemKind).index(f.kind)):
        groups.setdefault((decision.kind, _why(decision.reason, decision.kept)), []).append(decision)
    return groups


def _why(reason: str, kept: str) -> str:
    return f"{reason}, but {kept}" if kept else reason


def _plain(session: Session, pruned: Pruned, *, dry_run: bool) -> dict[str, object]:
    """Return the outcome as plain data. docs/reference/tasks.md documents the keys."""
    items = [
        {
            "what": str(f.kind),
            "path": str(f.item.path),
            "size": f.item.size,
            "used": int(f.item.used),
            "reason": f.reason,
            "kept": f.kept,
        }
        for f in pruned.decisions.items
        if not f.needed and f.kind is not ItemKind.FOREIGN
    ]
    images = [
        {**asdict(f.item), "needed": f.needed, "reason": f.reason, "kept": f.kept}
        for f in pruned.decisions.images or ()
        if not f.needed
    ]
    return {
        "cache": str(session.cache.root),
        "dry_run": dry_run,
        "freed": pruned.freed,
        "freed_in_engine": pruned.freed_in_engine,
        "things": items,
        "images": None if pruned.decisions.images is None else images,
    }
