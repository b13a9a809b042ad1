"""The plan: every target of the selected combinations as RUN, TAKE or SKIP, each with its reason. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Kind, Target, Targets, changed_inputs

_REASON_PARTS = 3


class State(Protocol):
    """The existing targets: in the cache, the engine and the remote cache."""

    def has(self, target: Target) -> bool:
        """Return whether the target exists on this machine."""

    def shared(self, targets: Sequence[Target]) -> set[str]:
        """Return the digests of the targets that the remote cache has."""

    def latest_inputs(self, target: Target) -> Mapping[str, object] | None:
        """Return the inputs of the last built target of the same kind and name. None if there was none."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One line of the plan: a target to build (`run`), to download from the remote cache (`take`), or neither.

    `combinations` are those that the target is for. `needs` has the digests of the targets that it is made of.
    """

    target: Target
    run: bool
    take: bool
    reason: str
    combinations: tuple[Combination, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All actions, each after the actions that it needs."""

    actions: tuple[Action, ...]

    def running(self, kind: Kind) -> tuple[Action, ...]:
        """Return the actions of a kind that have to run."""
        return tuple(action for action in self.actions if action.run and action.target.kind is kind)

    @property
    def taking(self) -> tuple[Target, ...]:
        """The targets to download from the remote cache."""
        return tuple(action.target for action in self.actions if action.take)

    @property
    def idle(self) -> bool:
        """True if there is nothing to do."""
        return not any(action.run or action.take for action in self.actions)


def make_plan(targets: Targets, combinations: Iterable[Combination], state: State, *, last: Kind = Kind.IMAGE) -> Plan:
    """Plan all targets that the combinations need, up to a kind.

    A target that only leads to existing targets is skipped: an image that exists needs no modules.
    """
    graph = _Graph()
    for combination in combinations:
        graph.add(targets, combination)
    order = list(Kind)
    wanted = [node for node in graph.nodes.values() if order.index(node.target.kind) <= order.index(last)]
    wanted.sort(key=lambda node: order.index(node.target.kind))
    needed, shared = _needed(wanted, state)
    return Plan(
        actions=tuple(
            _action(node, state, needed=node.target.digest in needed, take=node.target.digest in shared)
            for node in wanted
        )
    )


def again(plan: Plan) -> Plan:
    """Return a plan that builds every target of another plan, existing ones too."""
    reason = "built again, because of --rebuild"
    return Plan(actions=tuple(replace(action, run=True, take=False, reason=reason) for action in plan.actions))


@dataclass(frozen=True, kw_only=True)
class _Node:
    target: Target
    needs: tuple[str, ...]
    combinations: dict[str, Combination]


class _Graph:
    """The targets of combinations with their dependencies, by digest."""

    def __init__(self) -> None:
        self.nodes: dict[str, _Node] = {}

    def add(self, targets: Targets, combination: Combination) -> None:
        builder = self._add(targets.builder(combination), combination)
        archives = []
        for module_type in combination.module_types:
            modules = self._add(targets.compiled(combination, module_type), combination, builder)
            shipped = targets.modules(combination, module_type)
            if shipped.kind is Kind.SIGNED:
                modules = self._add(shipped, combination, modules, builder)
            archives.append(self._add(targets.archive(combination, module_type), combination, modules))
        # NVIDIA's installer is unpacked in the builder.
        unpacker = [builder] if targets.project.lock.driver_for(combination).runfiles else []
        userspace = self._add(targets.userspace(combination), combination, *unpacker)
        runtime = self._add(targets.runtime(combination), combination)
        self._add(targets.image(combination), combination, runtime, userspace, *archives)

    def _add(self, target: Target, combination: Combination, *needs: str) -> str:
        node = self.nodes.setdefault(target.digest, _Node(target=target, needs=needs, combinations={}))
        node.combinations[combination.id] = combination
        return target.digest


def _needed(wanted: Sequence[_Node], state: State) -> tuple[set[str], set[str]]:
    """Return the digests of the final targets and of all that is needed to build the missing ones; and those to download."""
    nodes = {node.target.digest: node for node in wanted}
    dependencies = {digest for node in wanted for digest in node.needs}
    needed: set[str] = set()
    taken: set[str] = set()
    level = {digest for digest in nodes if digest not in dependencies}
    while level:
        needed |= level
        # One question per level, in the order of the plan, since the remote cache answers many at once.
        missing = [nodes[digest].target for digest in nodes if digest in level and not state.has(nodes[digest].target)]
        taken |= state.shared(missing)
        to_build = [target.digest for target in missing if target.digest not in taken]
        level = {need for digest in to_build for need in nodes[digest].needs} - needed
    return needed, taken


def _action(node: _Node, state: State, *, needed: bool, take: bool) -> Action:
    exists = state.has(node.target)
    if exists:
        reason = "same inputs"
    elif take:
        reason = "the remote cache has it"
    elif not needed:
        reason = "not needed: the targets made of it exist"
    else:
        reason = reason_to_build(node.target, state.latest_inputs)
    return Action(
        target=node.target,
        run=needed and not exists and not take,
        take=take,
        reason=reason,
        combinations=tuple(node.combinations.values()),
        needs=node.needs,
    )


def reason_to_build(target: Target, latest_inputs: Callable[[Target], Mapping[str, object] | None]) -> str:
    """Return why a missing target has to be built: its inputs that changed since the last one of its name."""
    before = latest_inputs(target)
    if before is None:
        return "never built before"
    changes = changed_inputs(before, target.inputs)
    more = [f"and {len(changes) - _REASON_PARTS} more"] if len(changes) > _REASON_PARTS else []
    return "; ".join([*changes[:_REASON_PARTS], *more]) or "its result is gone"
