"""Shards: the matrix divided among workers that know nothing of one another. `--shard 1/4`. Pure but for reading costs.yaml.

Every worker computes the whole division from its checkout and takes its own part. Combinations that share modules stay
together, so that nothing is compiled in two shards.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lifecycle.config.costs import COSTS, Costs, load_costs
from lifecycle.config.schema import ModuleType
from lifecycle.config.versions import driver_branch
from lifecycle.errors import UsageError
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.planning.targets import Targets

# How much a second more of work counts beside one of waiting.
_THRIFT = (0, 0.5, 1, 2)
_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class BadShardError(UsageError):
    """A value of --shard that means no part of the matrix."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--shard {text!r}: write which part of how many, counted from 1, such as 1/4")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One of `count` parts of the matrix, counted from 1."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@dataclass(frozen=True, kw_only=True)
class Compile:
    """What one container compiles: its kernel, as its builder sees it, and the seconds.

    `first` where nobody has asked that kernel conftest's questions before, `again` where another driver has.
    """

    kernel: tuple[str, str]
    first: float
    again: float


@dataclass(frozen=True, kw_only=True)
class Group:
    """Combinations that share modules, and the compiles that make these; `name` orders groups of the same cost."""

    name: str
    combinations: tuple[Combination, ...]
    compiles: tuple[Compile, ...]


@dataclass(kw_only=True)
class Load:
    """What one worker has to do: its groups, their `seconds`, and the kernels that it asks conftest's questions of."""

    groups: list[Group] = field(default_factory=list)
    seconds: float = 0
    asked: set[tuple[str, str]] = field(default_factory=set)

    def more(self, group: Group) -> float:
        """The seconds that a group adds: less where a kernel has been asked already."""
        asked, total = set(self.asked), 0.0
        for work in group.compiles:
            total += work.again if work.kernel in asked else work.first
            asked.add(work.kernel)
        return total

    def take(self, group: Group) -> None:
        """Add a group."""
        self.seconds += self.more(group)
        self.groups.append(group)
        self.asked |= {work.kernel for work in group.compiles}


def parse_shard(text: str) -> Shard | None:
    """What `--shard` says, "" for None, which is the whole matrix; raises BadShardError."""
    if not text:
        return None
    match = _FORM.fullmatch(text)
    index, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= index <= count:
        raise BadShardError(text)
    return Shard(index=index, count=count)


def chosen(project: LockedProject, only: str, shard: Shard | None) -> tuple[Combination, ...]:
    """The combinations of a project that selectors mean, and of these the ones of a shard, in the order of the matrix.

    Raises NothingSelectedError, and ConfigurationError where costs.yaml cannot be read. A shard may be empty.
    """
    combinations = select(project.matrix, only)
    if shard is None:
        return combinations
    groups = groups_of(Targets(project), combinations, load_costs(project.root / COSTS))
    loads = divide(groups, shard.count)
    mine = loads[shard.index - 1].groups if shard.index <= len(loads) else []
    ids = {combination.id for group in mine for combination in group.combinations}
    return tuple(combination for combination in combinations if combination.id in ids)


def groups_of(targets: Targets, combinations: Iterable[Combination], costs: Costs) -> list[Group]:
    """Combinations, put together where they have modules in common, or would be compiled in one container."""
    found: dict[object, _Sharing] = {}
    for combination in combinations:
        sharing = _Sharing.of(targets, combination)
        for other in {id(found[key]): found[key] for key in sharing.keys if key in found}.values():
            sharing.join(other)
        found |= dict.fromkeys(sharing.keys, sharing)
    return [sharing.group(costs) for sharing in {id(sharing): sharing for sharing in found.values()}.values()]


def divide(groups: Sequence[Group], count: int) -> list[Load]:
    """The loads of `count` workers, fewer where there are fewer groups: the others have nothing to do.

    The longest group first, each to whom it leaves with the least to do (R. L. Graham, "Bounds on multiprocessing timing
    anomalies", 1969). So no load exceeds the mean, were every group to ask its own questions, by more than the longest group:
    when the largest took its last, every other would have become as large with it. Who is thrifty beyond that, and
    rather waits for a kernel that it has asked, may come out better: of several such divisions it is the best.
    """
    return min(
        (_divided(groups, count, thrift) for thrift in _THRIFT), key=lambda loads: max(_seconds(loads), default=0)
    )


def _divided(groups: Sequence[Group], count: int, thrift: float) -> list[Load]:
    loads = [Load() for _ in range(min(count, len(groups)))]
    alone = {group.name: Load().more(group) for group in groups}
    for group in sorted(groups, key=lambda group: (-alone[group.name], group.name)):
        added = [load.more(group) for load in loads]
        after = [load.seconds + (1 + thrift) * more for load, more in zip(loads, added, strict=True)]
        loads[min(range(len(loads)), key=lambda index: (after[index], added[index], index))].take(group)
    return loads


def _seconds(loads: Iterable[Load]) -> list[float]:
    return [load.seconds for load in loads]


@dataclass(kw_only=True)
class _Sharing:
    """A group that still grows: its combinations, what they have in common with others, and module types by container."""

    keys: set[object]
    combinations: list[Combination]
    compiles: dict[tuple[str, str, str], set[ModuleType]]

    @classmethod
    def of(cls, targets: Targets, combination: Combination) -> "_Sharing":
        container = (combination.kernel, targets.builder(combination).digest, combination.driver)
        modules = {targets.compiled(combination, module_type).digest for module_type in combination.module_types}
        return cls(
            keys={container, *modules},
            combinations=[combination],
            compiles={container: set(combination.module_types)},
        )

    def join(self, other: "_Sharing") -> None:
        self.keys |= other.keys
        self.combinations += other.combinations
        for container, types in other.compiles.items():
            self.compiles.setdefault(container, set()).update(types)

    def group(self, costs: Costs) -> Group:
        return Group(
            name=min(combination.id for combination in self.combinations),
            combinations=tuple(self.combinations),
            compiles=tuple(
                Compile(
                    kernel=(kernel, builder),
                    first=costs.compile(driver_branch(driver), sorted(types), asked=False),
                    again=costs.compile(driver_branch(driver), sorted(types), asked=True),
                )
                for (kernel, builder, driver), types in sorted(self.compiles.items())
            ),
        )
