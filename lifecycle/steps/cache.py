"""cache: what is kept that no current combination needs leaves it. Planned first; what is not ours is not touched.

What a current combination needs stays in any case: its inputs, its kernel for the tests, and all that is made on the way to its
image, by the digest of its inputs. `cache_images.py` is the same for what the engine keeps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lifecycle.model.keeping import NEEDED, UNNEEDED, Age, Needs, What
from lifecycle.model.targets import Kind
from lifecycle.tools.inventory import Item, Part, room
from lifecycle.tools.result_files import Result
from lifecycle.tools.store import Store

_WHAT = {
    Part.DOWNLOAD: What.DOWNLOADS,
    Part.LEFTOVER: What.LEFTOVERS,
    Part.LISTS: What.LISTS,
    Part.ANSWERS: What.ANSWERS,
    Part.LOG: What.LOGS,
    Part.LATEST: What.BOOKS,
    Part.TESTED: What.BOOKS,
    Part.TIMING: What.BOOKS,
    Part.BOOKS: What.BOOKS,
    Part.FOREIGN: What.FOREIGN,
}
_RESULTS = {
    Kind.MODULES: What.MODULES,
    Kind.SIGNED: What.SIGNED,
    Kind.USERSPACE: What.USERSPACE_ARCHIVES,
    Kind.ARCHIVE: What.ARCHIVES,
}


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of one thing. `kept` says why it stays although nobody needs it; `needed` things always stay."""

    item: Item
    what: What
    needed: bool
    reason: str
    kept: str = ""

    @property
    def goes(self) -> bool:
        """Whether it is to be removed."""
        return not self.needed and not self.kept


# ----- pure


def plan(
    items: Iterable[Item], needs: Needs, roles: Mapping[str, What], *, now: float, older_than: Age | None = None
) -> list[Fate]:
    """What becomes of each thing; with an age, what has been used within it stays too."""
    return [_fate(item, needs, roles.get(item.name, What.OTHERS), now, older_than) for item in items]


def _fate(item: Item, needs: Needs, role: What, now: float, older_than: Age | None) -> Fate:
    what = role if item.part is Part.BLOB else _WHAT.get(item.part) or _RESULTS.get(Kind(item.kind), What.RESULTS)
    if item.part is Part.FOREIGN:
        return Fate(item=item, what=what, needed=False, reason="it is not ours", kept="it is left alone")
    if item.busy:
        return Fate(item=item, what=what, needed=True, reason="somebody works with it")
    reason = _reason(item, needs)
    kept = older_than.keeps(item.used, now) if reason and older_than else ""
    return Fate(item=item, what=what, needed=not reason, reason=reason or NEEDED, kept=kept)


def _reason(item: Item, needs: Needs) -> str:
    """Why nobody needs a thing; nothing where somebody does."""
    match item.part:
        case Part.LEFTOVER:
            return "a run that was killed left it behind"
        case Part.BOOKS:
            return ""
        case Part.RESULT:
            needed = (item.kind, item.name) in needs.results
        case Part.BLOB | Part.DOWNLOAD:
            needed = item.name in needs.inputs
        case Part.TESTED:
            needed = item.name in needs.combinations
        case Part.LISTS:
            needed = item.name in needs.lists
        case _:
            needed = item.name in needs.names
    return "" if needed else UNNEEDED


# ----- effects


def remove(store: Store, fates: Iterable[Fate]) -> int:
    """Remove what is to go; returns how many bytes the disk has more now."""
    freed = 0
    for fate in fates:
        if fate.goes:
            freed += room(fate.item.path)
            drop(store, fate.item)
    store.save_index()
    return freed


def drop(store: Store, item: Item) -> None:
    """Remove one thing, whatever it is."""
    if item.part is Part.BLOB:
        store.forget_blob(item.name)
    elif item.part is Part.RESULT:
        store.forget_result(Result(kind=item.kind, digest=item.name, folder=item.path, about={}))
    elif item.path.is_dir():
        store.discard(item.path)
    else:
        item.path.unlink(missing_ok=True)
