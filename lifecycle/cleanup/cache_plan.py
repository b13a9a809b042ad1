"""The plan of `invoke cache.prune` for the cache: items that no current combination needs are removed.

The inputs of a current combination always stay, and its kernel for tests, and every target on the way to its image. Items that are
not ours are never touched. engine_plan.py does the same for images in the engine.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lifecycle.cache.cache import Cache
from lifecycle.cache.inventory import CacheSection, Item, freed_bytes
from lifecycle.cache.required import RequiredItems
from lifecycle.cache.results import Result
from lifecycle.cleanup.retention import NEEDED, UNNEEDED, Age, Decision, ItemKind
from lifecycle.planning.targets import Kind

_KINDS = {
    CacheSection.DOWNLOAD: ItemKind.DOWNLOADS,
    CacheSection.LEFTOVER: ItemKind.LEFTOVERS,
    CacheSection.LISTS: ItemKind.LISTS,
    CacheSection.ANSWERS: ItemKind.ANSWERS,
    CacheSection.LOG: ItemKind.LOGS,
    CacheSection.LATEST: ItemKind.BOOKS,
    CacheSection.TESTED: ItemKind.BOOKS,
    CacheSection.TIMING: ItemKind.BOOKS,
    CacheSection.FAILURE: ItemKind.BOOKS,
    CacheSection.BOOKS: ItemKind.BOOKS,
    CacheSection.OUTDATED: ItemKind.OUTDATED,
    CacheSection.FOREIGN: ItemKind.FOREIGN,
}
_RESULTS = {
    Kind.MODULES: ItemKind.MODULES,
    Kind.SIGNED: ItemKind.SIGNED,
    Kind.USERSPACE: ItemKind.USERSPACE_ARCHIVES,
    Kind.ARCHIVE: ItemKind.ARCHIVES,
}


@dataclass(frozen=True, kw_only=True)
class CacheDecision(Decision[Item]):
    """The decision on one item in the cache, with its kind."""

    kind: ItemKind


# ----- pure


def plan(
    items: Iterable[Item],
    needs: RequiredItems,
    roles: Mapping[str, ItemKind],
    *,
    now: float,
    older_than: Age | None = None,
) -> list[CacheDecision]:
    """Decide on each item. With an age, items that were used within it stay too. `now` is in seconds since 1970."""
    return [_decide(item, needs, roles.get(item.name, ItemKind.OTHERS), now, older_than) for item in items]


def _decide(item: Item, needs: RequiredItems, role: ItemKind, now: float, older_than: Age | None) -> CacheDecision:
    kind = (
        role
        if item.part is CacheSection.BLOB
        else _KINDS.get(item.part) or _RESULTS.get(Kind(item.kind), ItemKind.RESULTS)
    )
    if item.part is CacheSection.FOREIGN:
        return CacheDecision(item=item, kind=kind, needed=False, reason="it is not ours", kept="it is left alone")
    if item.busy:
        return CacheDecision(item=item, kind=kind, needed=True, reason="another task uses it")
    reason = _reason(item, needs)
    kept = older_than.keeps(item.used, now) if reason and older_than else ""
    return CacheDecision(item=item, kind=kind, needed=not reason, reason=reason or NEEDED, kept=kept)


def _reason(item: Item, needs: RequiredItems) -> str:
    """Return why an item is not needed; "" if it is needed."""
    match item.part:
        case CacheSection.LEFTOVER:
            return "a killed run left it behind"
        case CacheSection.OUTDATED:
            return "an older version wrote it"
        case CacheSection.BOOKS:
            return ""
        case CacheSection.RESULT:
            needed = (item.kind, item.name) in needs.results
        case CacheSection.BLOB | CacheSection.DOWNLOAD:
            needed = item.name in needs.inputs
        case CacheSection.TESTED:
            needed = item.name in needs.combinations
        case CacheSection.LISTS:
            needed = item.name in needs.lists
        case _:
            needed = item.name in needs.names
    return "" if needed else UNNEEDED


# ----- effects


def remove(cache: Cache, decisions: Iterable[CacheDecision]) -> int:
    """Remove the items that are decided to go. Return the freed bytes."""
    freed = 0
    for decision in decisions:
        if decision.to_remove:
            freed += freed_bytes(decision.item.path)
            drop(cache, decision.item)
    cache.save_index()
    return freed


def drop(cache: Cache, item: Item) -> None:
    """Remove one item of any kind."""
    if item.part is CacheSection.BLOB:
        cache.forget_blob(item.name)
    elif item.part is CacheSection.RESULT:
        cache.forget_result(Result(kind=item.kind, digest=item.name, folder=item.path, about={}))
    elif item.path.is_dir():
        cache.discard(item.path)
    else:
        item.path.unlink(missing_ok=True)
