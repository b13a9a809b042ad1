"""The plan: every target of the chosen combinations, RUN or SKIP, each with its reason. Pure; execution only follows it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Kind, Target, Targets, changed_inputs

_REASON_PARTS = 3


class State(Protocol):
    """What has been made so far."""

    def has(self, target: Target) -> bool:
        """Whether the very target is there."""

    def shared(self, targets: Sequence[Target]) -> set[str]:
        """The digests of those that are not here and can be had from another machine."""

    def latest_inputs(self, target: Target) -> Mapping[str, object] | None:
        """The inputs of what was last made under the target's kind and name; None if nothing ever was."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One line of the plan; `combinations` are those that it is for, `needs` the digests of what it is made of.

    `take` is whether it is to be had from another machine, in place of being made.
    """

    target: Target
    run: bool
    take: bool
    reason: str
    combinations: tuple[Combination, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All actions, in an order in which each comes after what it needs."""

    actions: tuple[Action, ...]

    def running(self, kind: Kind) -> tuple[Action, ...]:
        """The actions of a kind that have to run."""
        return tuple(action for action in self.actions if action.run and action.target.kind is kind)

    @property
    def taking(self) -> tuple[Target, ...]:
        """What another machine has made already."""
        return tuple(action.target for action in self.actions if action.take)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not any(action.run or action.take for action in self.actions)


def make_plan(targets: Targets, combinations: Iterable[Combination], state: State, *, last: Kind = Kind.IMAGE) -> Plan:
    """Plan all targets that the combinations need, up to a kind.

    What only leads to something that is there already is skipped too: an image that exists needs no modules.
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
    """Return a plan that makes everything in a plan, whatever exists."""
    reason = "made again, as --rebuild asks for"
    return Plan(actions=tuple(replace(action, run=True, take=False, reason=reason) for action in plan.actions))


@dataclass(frozen=True, kw_only=True)
class _Node:
    target: Target
    needs: tuple[str, ...]
    users: dict[str, Combination]


class _Graph:
    """The targets of combinations and what each needs, by digest."""

    def __init__(self) -> None:
        self.nodes: dict[str, _Node] = {}

    def add(self, targets: Targets, combination: Combination) -> None:
        builder = self._want(targets.builder(combination), combination)
        archives = []
        for module_type in combination.module_types:
            modules = self._want(targets.compiled(combination, module_type), combination, builder)
            shipped = targets.modules(combination, module_type)
            if shipped.kind is Kind.SIGNED:
                modules = self._want(shipped, combination, modules, builder)
            archives.append(self._want(targets.archive(combination, module_type), combination, modules))
        unpacks = [builder] if targets.project.lock.driver_for(combination).runfiles else []
        userspace = self._want(targets.userspace(combination), combination, *unpacks)
        runtime = self._want(targets.runtime(combination), combination)
        self._want(targets.image(combination), combination, runtime, userspace, *archives)

    def _want(self, target: Target, combination: Combination, *needs: str) -> str:
        node = self.nodes.setdefault(target.digest, _Node(target=target, needs=needs, users={}))
        node.users[combination.id] = combination
        return target.digest


def _needed(wanted: Sequence[_Node], state: State) -> tuple[set[str], set[str]]:
    """The digests that have to be there in the end, or are needed to make one that is not; and those of them to be taken."""
    nodes = {node.target.digest: node for node in wanted}
    used_by_others = {digest for node in wanted for digest in node.needs}
    result: set[str] = set()
    taken: set[str] = set()
    level = {digest for digest in nodes if digest not in used_by_others}
    while level:
        result |= level
        # In the order of the plan, and a level at once: whoever looks elsewhere asks for many together.
        missing = [nodes[digest].target for digest in nodes if digest in level and not state.has(nodes[digest].target)]
        taken |= state.shared(missing)
        made = [target.digest for target in missing if target.digest not in taken]
        level = {need for digest in made for need in nodes[digest].needs} - result
    return result, taken


def _action(node: _Node, state: State, *, needed: bool, take: bool) -> Action:
    there = state.has(node.target)
    if there:
        reason = "same inputs"
    elif take:
        reason = "another machine has made it"
    elif not needed:
        reason = "not needed: what it is for is there"
    else:
        reason = reason_to_make(node.target, state.latest_inputs)
    return Action(
        target=node.target,
        run=needed and not there and not take,
        take=take,
        reason=reason,
        combinations=tuple(node.users.values()),
        needs=node.needs,
    )


def reason_to_make(target: Target, latest_inputs: Callable[[Target], Mapping[str, object] | None]) -> str:
    """Why a target that is not there has to be made."""
    before = latest_inputs(target)
    if before is None:
        return "never made before"
    changes = changed_inputs(before, target.inputs)
    more = [f"and {len(changes) - _REASON_PARTS} more"] if len(changes) > _REASON_PARTS else []
    return "; ".join([*changes[:_REASON_PARTS], *more]) or "its result is gone"
