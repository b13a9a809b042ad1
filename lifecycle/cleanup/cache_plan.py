"""cache: what is kept that no current combination needs leaves it. Planned first; what is not ours is not touched.

What a current combination needs stays in any case: its inputs, its kernel for the tests, and all that is made on the way to its
image, by the digest of its inputs. `cache_images.py` is the same for what the engine keeps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lifecycle.cache.cache import Cache
from lifecycle.cache.inventory import CacheSection, Item, room
from lifecycle.cache.required import RequiredItems
from lifecycle.cache.result_files import Result
from lifecycle.cleanup.retention import NEEDED, UNNEEDED, Age, ItemKind
from lifecycle.planning.targets import Kind

_WHAT = {
    CacheSection.DOWNLOAD: ItemKind.DOWNLOADS,
    CacheSection.LEFTOVER: ItemKind.LEFTOVERS,
    CacheSection.LISTS: ItemKind.LISTS,
    CacheSection.ANSWERS: ItemKind.ANSWERS,
    CacheSection.LOG: ItemKind.LOGS,
    CacheSection.LATEST: ItemKind.BOOKS,
    CacheSection.TESTED: ItemKind.BOOKS,
    CacheSection.TIMING: ItemKind.BOOKS,
    CacheSection.BOOKS: ItemKind.BOOKS,
    CacheSection.FOREIGN: ItemKind.FOREIGN,
}
_RESULTS = {
    Kind.MODULES: ItemKind.MODULES,
    Kind.SIGNED: ItemKind.SIGNED,
    Kind.USERSPACE: ItemKind.USERSPACE_ARCHIVES,
    Kind.ARCHIVE: ItemKind.ARCHIVES,
}


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of one thing. `kept` says why it stays although nobody needs it; `needed` things always stay."""

    item: Item
    what: ItemKind
    needed: bool
    reason: str
    kept: str = ""

    @property
    def goes(self) -> bool:
        """Whether it is to be removed."""
        return not self.needed and not self.kept


# ----- pure


def plan(
    items: Iterable[Item],
    needs: RequiredItems,
    roles: Mapping[str, ItemKind],
    *,
    now: float,
    older_than: Age | None = None,
) -> list[Fate]:
    """What becomes of each thing; with an age, what has been used within it stays too."""
    return [_fate(item, needs, roles.get(item.name, ItemKind.OTHERS), now, older_than) for item in items]


def _fate(item: Item, needs: RequiredItems, role: ItemKind, now: float, older_than: Age | None) -> Fate:
    what = (
        role
        if item.part is CacheSection.BLOB
        else _WHAT.get(item.part) or _RESULTS.get(Kind(item.kind), ItemKind.RESULTS)
    )
    if item.part is CacheSection.FOREIGN:
        return Fate(item=item, what=what, needed=False, reason="it is not ours", kept="it is left alone")
    if item.busy:
        return Fate(item=item, what=what, needed=True, reason="somebody works with it")
    reason = _reason(item, needs)
    kept = older_than.keeps(item.used, now) if reason and older_than else ""
    return Fate(item=item, what=what, needed=not reason, reason=reason or NEEDED, kept=kept)


def _reason(item: Item, needs: RequiredItems) -> str:
    """Why nobody needs a thing; nothing where somebody does."""
    match item.part:
        case CacheSection.LEFTOVER:
            return "a run that was killed left it behind"
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


def remove(cache: Cache, fates: Iterable[Fate]) -> int:
    """Remove what is to go; returns how many bytes the disk has more now."""
    freed = 0
    for fate in fates:
        if fate.goes:
            freed += room(fate.item.path)
            drop(cache, fate.item)
    cache.save_index()
    return freed


def drop(cache: Cache, item: Item) -> None:
    """Remove one thing, whatever it is."""
    if item.part is CacheSection.BLOB:
        cache.forget_blob(item.name)
    elif item.part is CacheSection.RESULT:
        cache.forget_result(Result(kind=item.kind, digest=item.name, folder=item.path, about={}))
    elif item.path.is_dir():
        cache.discard(item.path)
    else:
        item.path.unlink(missing_ok=True)
