"""Numbered node pools: a new OS release or driver gets a new pool, and the old one stays until it is retired.

Nodes are never changed under a running job: what a pool runs is fixed when it is made. Pure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from lifecycle.config.gitops import NodePools, fill
from lifecycle.errors import UsageError
from lifecycle.gitops.settings import Change
from lifecycle.yamledit.key_path import Key, KeyPath
from lifecycle.yamledit.list_items import copy_items, items, remove_items
from lifecycle.yamledit.values_file import ValuesFile

_NAME = KeyPath((Key("name"),))
_COUNTED = re.compile(r"(?P<stem>.+?)(?:-v(?P<number>[1-9]\d*))?")
# Of a worker pool in a Shoot: Gardener, pkg/apis/core/validation/shoot.go, ValidateWorker.
NAME_LENGTH = 15


class PoolNameError(UsageError):
    """A name that is too long for a pool."""

    def __init__(self, file: str, name: str) -> None:
        super().__init__(
            f"{file}: the name {name!r} of a pool has more than {NAME_LENGTH} characters: "
            "give the pool a shorter name by hand first"
        )


class NoMatchingPoolError(UsageError):
    """A file without a matching pool."""

    def __init__(self, file: str, workers: str, match: str, names: Sequence[str]) -> None:
        super().__init__(
            f"{file}: no pool under `{workers}` matches {match!r}: it has {', '.join(names) or 'none'}: "
            "correct `match` in component.yaml's gitops.pools"
        )


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool in a file: its position in the list, `stem` and `number` of its name, and the wanted values that it lacks."""

    index: int
    name: str
    stem: str
    number: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, kw_only=True)
class PoolStep:
    """A new pool after another one (`old`), or the old pool to retire if `new` is None."""

    file: str
    old: str
    new: str | None
    changes: tuple[Change, ...]


def find_pools(file: ValuesFile, section: NodePools, names: Mapping[str, str]) -> list[Pool]:
    """Return the pools of a file that a section matches. Raises NoMatchingPoolError and what `items` raises."""
    found = list(_pools(file, section, names))
    if not found:
        workers = KeyPath.parse(section.workers)
        there = [str(file.get(path + _NAME)) for path in items(file, workers)]
        raise NoMatchingPoolError(file.file, section.workers, section.match, there)
    return found


def _pools(file: ValuesFile, section: NodePools, names: Mapping[str, str]) -> Iterator[Pool]:
    for index, path in enumerate(items(file, KeyPath.parse(section.workers))):
        name = file.get(path + _NAME)
        match = _COUNTED.fullmatch(name or "")
        if name is None or match is None or not fnmatchcase(name, section.match):
            continue
        changes = []
        for inner, value in _wanted(section, names):
            # An absent key is an error here: without it, nothing shows that the pool runs an image of this project.
            file.node(path + inner)
            old = file.get(path + inner)
            if old != value:
                changes.append(Change(file=file.file, path=str(inner), old=old, new=value))
        yield Pool(index=index, name=name, stem=match["stem"], number=int(match["number"] or 1), changes=tuple(changes))


def _wanted(section: NodePools, names: Mapping[str, str]) -> list[tuple[KeyPath, str]]:
    return [
        (KeyPath.parse(keys).filled(lambda text: fill(text, names)), fill(value, names))
        for keys, value in section.set.items()
    ]


def _newest_pools(pools: Sequence[Pool]) -> list[Pool]:
    """Return the pool with the highest number of each stem; the last one in the file comes first."""
    by_stem: dict[str, Pool] = {}
    for pool in pools:
        known = by_stem.get(pool.stem)
        if known is None or pool.number > known.number:
            by_stem[pool.stem] = pool
    return sorted(by_stem.values(), key=lambda pool: -pool.index)


def add_successors(file: ValuesFile, section: NodePools, names: Mapping[str, str]) -> tuple[ValuesFile, list[PoolStep]]:
    """Add a successor to each pool that does not run the wanted image. Raises PoolNameError, NotEditableError."""
    steps, copies = [], {}
    for pool in _newest_pools(find_pools(file, section, names)):
        if not pool.changes:
            continue
        new = f"{pool.stem}-v{pool.number + 1}"
        if len(new) > NAME_LENGTH:
            raise PoolNameError(file.file, new)
        copies[pool.index] = {_NAME: new, **dict(_wanted(section, names))}
        steps.append(PoolStep(file=file.file, old=pool.name, new=new, changes=pool.changes))
    return copy_items(file, KeyPath.parse(section.workers), copies), steps[::-1]


def retire(file: ValuesFile, section: NodePools, names: Mapping[str, str]) -> tuple[ValuesFile, list[PoolStep]]:
    """Remove the pools whose successor runs the wanted image."""
    pools = find_pools(file, section, names)
    done = {pool.stem: pool.number for pool in _newest_pools(pools) if not pool.changes}
    old = [pool for pool in pools if pool.number < done.get(pool.stem, 0)]
    file = remove_items(file, KeyPath.parse(section.workers), [pool.index for pool in old])
    return file, [PoolStep(file=file.file, old=pool.name, new=None, changes=()) for pool in old]
