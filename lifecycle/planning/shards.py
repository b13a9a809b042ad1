"""Shards: the matrix divided among independent workers, as in `--shard 1/4`. Pure except for reading costs.yaml.

Every worker computes the whole division from its checkout and builds its own part. Combinations that share modules stay
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

# Weights of a second of added work, compared with a second of the worker's total.
_WEIGHTS = (0, 0.5, 1, 2)
_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class BadShardError(UsageError):
    """A value of --shard that is not a part of the matrix."""

    def __init__(self, text: str) -> None:
        super().__init__(f"--shard {text!r}: write I/N for shard I of N, such as 1/4")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One of `count` parts of the matrix, counted from 1."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


@dataclass(frozen=True, kw_only=True)
class Compile:
    """The work of one container: its kernel (the release and the builder's digest), and the seconds that it takes.

    `first` applies if conftest was never run on that kernel, `again` if another driver was compiled for it before.
    """

    kernel: tuple[str, str]
    first: float
    again: float


@dataclass(frozen=True, kw_only=True)
class Group:
    """Combinations that share modules, and the compiles for them. `name` orders groups of equal cost."""

    name: str
    combinations: tuple[Combination, ...]
    compiles: tuple[Compile, ...]


@dataclass(kw_only=True)
class Load:
    """The work of one worker: its groups, their `seconds`, and the kernels whose headers conftest has been run on."""

    groups: list[Group] = field(default_factory=list)
    seconds: float = 0
    asked: set[tuple[str, str]] = field(default_factory=set)

    def more(self, group: Group) -> float:
        """Return the seconds that a group adds. A kernel that was `asked` before costs less."""
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
    """Parse a value of `--shard`; "" is None, the whole matrix. Raises BadShardError."""
    if not text:
        return None
    match = _FORM.fullmatch(text)
    index, count = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= index <= count:
        raise BadShardError(text)
    return Shard(index=index, count=count)


def chosen(project: LockedProject, only: str, shard: Shard | None) -> tuple[Combination, ...]:
    """Return the selected combinations, or those of them that are in a shard, in the order of the matrix.

    A shard may be empty. Raises NothingSelectedError, and ConfigurationError if costs.yaml cannot be read.
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
    """Group the combinations that share modules, or whose modules are compiled in one container."""
    found: dict[object, _GroupBuilder] = {}
    for combination in combinations:
        builder = _GroupBuilder.of(targets, combination)
        for other in {id(found[key]): found[key] for key in builder.keys if key in found}.values():
            builder.join(other)
        found |= dict.fromkeys(builder.keys, builder)
    return [builder.group(costs) for builder in {id(builder): builder for builder in found.values()}.values()]


def divide(groups: Sequence[Group], count: int) -> list[Load]:
    """Divide groups among `count` workers. There are fewer loads than workers if there are fewer groups.

    Groups are assigned from the longest to the shortest, each to the worker that then has the least to do (R. L. Graham, "Bounds
    on multiprocessing timing anomalies", 1969). So no load exceeds the mean by more than the longest group: when the largest load
    received its last group, any other load would have become as large with it. The mean counts each group as if conftest were
    run for it alone. A worker saves time on a kernel that it has compiled for before, so several weights of added work are
    tried, and the best division is returned.
    """
    return min(
        (_divide(groups, count, weight) for weight in _WEIGHTS), key=lambda loads: max(_seconds(loads), default=0)
    )


def _divide(groups: Sequence[Group], count: int, weight: float) -> list[Load]:
    loads = [Load() for _ in range(min(count, len(groups)))]
    alone = {group.name: Load().more(group) for group in groups}
    for group in sorted(groups, key=lambda group: (-alone[group.name], group.name)):
        added = [load.more(group) for load in loads]
        after = [load.seconds + (1 + weight) * more for load, more in zip(loads, added, strict=True)]
        loads[min(range(len(loads)), key=lambda index: (after[index], added[index], index))].take(group)
    return loads


def _seconds(loads: Iterable[Load]) -> list[float]:
    return [load.seconds for load in loads]


@dataclass(kw_only=True)
class _GroupBuilder:
    """A group under construction: its combinations, the keys that it shares with others, and module types by container."""

    keys: set[object]
    combinations: list[Combination]
    compiles: dict[tuple[str, str, str], set[ModuleType]]

    @classmethod
    def of(cls, targets: Targets, combination: Combination) -> "_GroupBuilder":
        container = (combination.kernel_name, targets.builder(combination).digest, combination.driver)
        modules = {targets.compiled(combination, module_type).digest for module_type in combination.module_types}
        return cls(
            keys={container, *modules},
            combinations=[combination],
            compiles={container: set(combination.module_types)},
        )

    def join(self, other: "_GroupBuilder") -> None:
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
