"""`invoke cache.verify`: find damaged items in the cache and remove them, so that the next build replaces them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.cache.integrity import Condition, check_input, check_result
from lifecycle.cache.inventory import CacheSection, Item, list_items
from lifecycle.cleanup.cache_plan import drop
from lifecycle.errors import InstallerError


class CacheDamagedError(InstallerError):
    """Damaged inputs or results in the cache."""

    def __init__(self, damaged: int, looked_at: int, *, dry_run: bool) -> None:
        then = "the next build downloads or builds again what it needs of them"
        super().__init__(
            f"damaged: {damaged} of {looked_at} inputs and results",
            resolution=f"Without --dry-run they are removed, and {then}." if dry_run else f"They are removed: {then}.",
        )


@dataclass(frozen=True, kw_only=True)
class VerifyResult:
    """The outcome: each checked item with its condition, and the items that are not ours."""

    found: Sequence[tuple[Item, Condition]]
    foreign: Sequence[Item]

    @property
    def damaged(self) -> list[tuple[Item, str]]:
        """The damaged items, each with its condition."""
        return [(item, condition.problem) for item, condition in self.found if condition.problem]

    @property
    def in_part(self) -> list[Item]:
        """The results that could only be verified in part."""
        return [item for item, condition in self.found if condition.in_part]


def show_damage(session: Session, *, dry_run: bool, as_json: bool) -> None:
    """Hash every input and result again, and remove the damaged ones; with `dry_run` they are only named.

    Raises CacheDamagedError if an item is damaged.
    """
    with session.exclusive(dry_run=dry_run or not session.cache.root.exists()):
        looked = _look(session)
        if not dry_run:
            for item, _ in looked.damaged:
                drop(session.cache, item)
            session.cache.save_index()
    if as_json:
        output.print_json(_plain(session, looked, dry_run=dry_run))
    else:
        _print(looked, dry_run=dry_run)
    if looked.damaged:
        raise CacheDamagedError(len(looked.damaged), len(looked.found), dry_run=dry_run)


def _look(session: Session) -> VerifyResult:
    stock = list_items(session.cache, time.time())
    items = [item for item in stock if item.part in (CacheSection.BLOB, CacheSection.RESULT)]
    found = []
    with session.progress.bytes(f"verifying {len(items)} inputs and results", sum(i.size for i in items)) as advance:
        for item in items:
            look = check_input(item.path, item.name) if item.part is CacheSection.BLOB else check_result(item.path)
            found.append((item, look))
            advance(item.size)
    return VerifyResult(found=found, foreign=[item for item in stock if item.part is CacheSection.FOREIGN])


def _print(looked: VerifyResult, *, dry_run: bool) -> None:
    label = "damaged" if dry_run else "damaged, removed"
    output.print_lines(f"{label}: {item.path}: {problem}" for item, problem in looked.damaged)
    output.print_lines(f"not ours, not looked at: {item.path}" for item in looked.foreign)
    if looked.in_part:
        output.print_lines(
            [
                f"verified in part: {len(looked.in_part)} of the results, from before the sha256 of their files were written down; "
                "of archives the content was, of modules the sizes"
            ]
        )
    if not looked.damaged:
        size = output.format_size(sum(item.size for item, _ in looked.found))
        output.print_lines([f"{len(looked.found)} inputs and results, {size}: nothing is damaged"])


def _plain(session: Session, looked: VerifyResult, *, dry_run: bool) -> dict[str, object]:
    """Return the outcome as plain data. docs/reference/tasks.md documents the keys."""
    return {
        "cache": str(session.cache.root),
        "dry_run": dry_run,
        "looked_at": len(looked.found),
        "damaged": [{"path": str(item.path), "problem": problem} for item, problem in looked.damaged],
        "in_part": [str(item.path) for item in looked.in_part],
        "not_ours": [str(item.path) for item in looked.foreign],
    }
