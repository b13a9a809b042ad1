"""What `invoke cache.prune` does and prints: what no current combination needs leaves the cache, and the engine."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from lifecycle.build import tables
from lifecycle.build.kept import Kept, look
from lifecycle.build.workbench import Workbench
from lifecycle.model.keeping import Age, What
from lifecycle.steps.cache import Fate, remove
from lifecycle.steps.cache_images import ImageFate, remove_images
from lifecycle.tools.usage import used, write_used


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What became of what is kept, and how many bytes are free now in the cache and in the engine."""

    kept: Kept
    freed: int = 0
    freed_in_engine: int = 0


def show_cache_prune(bench: Workbench, older_than: Age | None, *, dry_run: bool, as_json: bool) -> None:
    """Remove what no current combination needs, and has not been used for as long; prints what became of it.

    With `dry_run` nothing is removed. Raises NotLockedError, and what the engine says.
    """
    # Where there is no cache, nobody works with it, and none is made. What is needed is read within, since a build that was
    # waited for may have moved versions.lock.
    with bench.alone(dry_run=dry_run or not bench.store.root.exists()):
        kept = look(bench, older_than)
        pruned = Pruned(kept=kept) if dry_run else _prune(bench, kept)
    if as_json:
        tables.print_json(_plain(bench, pruned, dry_run=dry_run))
    else:
        _print(pruned, dry_run=dry_run)


def _prune(bench: Workbench, kept: Kept) -> Pruned:
    # The engine first: it is the one that may refuse.
    images, freed_in_engine = _prune_engine(bench, kept.images)
    freed = remove(bench.store, kept.things)
    gone = {f.item.name for f in kept.things if f.goes} | {name for f in images or () if f.goes for name in f.names}
    record = used(bench.store)
    if gone & record.keys():
        write_used(bench.store, {name: at for name, at in record.items() if name not in gone})
    return Pruned(kept=replace(kept, images=images), freed=freed, freed_in_engine=freed_in_engine)


def _prune_engine(bench: Workbench, images: list[ImageFate] | None) -> tuple[list[ImageFate] | None, int]:
    """What became of the images, and how many bytes the engine has less now."""
    if images is None or not any(fate.goes for fate in images):
        return images, 0
    before = bench.engine.stored_bytes()
    done = remove_images(bench.engine, images)
    # Whoever else works with the engine may have made it more.
    return done, max(0, before - bench.engine.stored_bytes())


def _print(pruned: Pruned, *, dry_run: bool) -> None:
    gone = "WOULD GO" if dry_run else "removed"
    things = [f for f in pruned.kept.things if not f.needed and f.what is not What.FOREIGN]
    images = [f for f in pruned.kept.images or () if not f.needed]
    rows = [
        (
            gone if fates[0].goes else "stays",
            what,
            str(len(fates)),
            tables.room(sum(f.item.size for f in fates)),
            reason,
        )
        for (what, reason), fates in _grouped(things).items()
    ]
    rows += [
        (gone if f.goes else "stays", ", ".join(f.names), "1", tables.room(f.size), _why(f.reason, f.kept))
        for f in images
    ]
    if not rows:
        tables.print_lines(["there is nothing to remove"])
        return
    tables.print_table("cache prune", ["", "what", "count", "size", "reason"], rows)
    if any(f.goes for f in things) and not dry_run:
        tables.print_lines([f"{tables.room(pruned.freed)} freed in the cache"])
    if any(f.goes for f in images) and not dry_run:
        tables.print_lines([f"{tables.room(pruned.freed_in_engine)} freed in the engine"])


def _grouped(things: Sequence[Fate]) -> dict[tuple[str, str], list[Fate]]:
    """What is of one sort and meets one fate for one reason, in the order of a table."""
    groups: dict[tuple[str, str], list[Fate]] = {}
    for fate in sorted(things, key=lambda f: list(What).index(f.what)):
        groups.setdefault((fate.what, _why(fate.reason, fate.kept)), []).append(fate)
    return groups


def _why(reason: str, kept: str) -> str:
    return f"{reason}, but {kept}" if kept else reason


def _plain(bench: Workbench, pruned: Pruned, *, dry_run: bool) -> dict[str, object]:
    """What became of what nobody needs, as plain data; docs/reference/tasks.md promises its keys."""
    things = [
        {
            "what": str(f.what),
            "path": str(f.item.path),
            "size": f.item.size,
            "used": int(f.item.used),
            "reason": f.reason,
            "kept": f.kept,
        }
        for f in pruned.kept.things
        if not f.needed and f.what is not What.FOREIGN
    ]
    images = [asdict(f) for f in pruned.kept.images or () if not f.needed]
    return {
        "cache": str(bench.store.root),
        "dry_run": dry_run,
        "freed": pruned.freed,
        "freed_in_engine": pruned.freed_in_engine,
        "things": things,
        "images": None if pruned.kept.images is None else images,
    }
