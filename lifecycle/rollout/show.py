"""The plan, the state and the end of a rollout, as tables and as plain data. docs/reference/tasks.md documents the keys."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lifecycle.app import output
from lifecycle.rollout.model import Installer, Member, State
from lifecycle.rollout.plan import Plan
from lifecycle.rollout.upgrade import NodeResult, Outcome

_ROWS = 20
_NAMES = 3
_WORDS = {
    Outcome.DONE: "upgraded",
    Outcome.GONE: "not in the cluster any more",
    Outcome.RETURNED: "given back with their old driver",
    Outcome.FAILED: "failed",
    Outcome.INTERRUPTED: "interrupted",
    Outcome.LEFT: "left, not begun",
}


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return f"{', '.join(names[:_NAMES])}{more}"


# ----- the plan


def print_plan(plan: Plan) -> None:
    """Print the counts of a plan, then its first rows."""
    count = len(plan.nodes)
    waves = f"{output.plural(len(plan.waves), 'wave')} of at most {output.plural(plan.size, 'node')}"
    output.print_lines(
        [
            f"{output.plural(count, 'node')} to upgrade in {waves}; {plan.current} up to date; {len(plan.skipped)} skipped"
        ]
    )
    rows = [
        (str(number), node.node, node.installer.label, node.reason)
        for number, wave in enumerate(plan.waves, start=1)
        for node in wave
    ]
    if rows:
        output.print_table("", ["wave", "node", "installer", "reason"], _cut(rows, 4))
    if plan.skipped:
        by_reason: dict[tuple[str, str], list[str]] = defaultdict(list)
        for skip in plan.skipped:
            by_reason[(skip.installer.label, skip.reason)].append(skip.node)
        table = [(str(len(nodes)), _names(nodes), label, why) for (label, why), nodes in by_reason.items()]
        output.print_table("", ["count", "skipped", "installer", "reason"], _cut(table, 4))


def plan_data(plan: Plan) -> dict[str, object]:
    """Return a plan as plain data."""
    return {
        "wave_size": plan.size,
        "up_to_date": plan.current,
        "waves": [
            [{"node": n.node, "installer": n.installer.name, "reason": n.reason, "begun": n.begun} for n in wave]
            for wave in plan.waves
        ],
        "skipped": [
            {"node": s.node, "installer": s.installer.name, "reason": s.reason, "outdated": s.outdated}
            for s in plan.skipped
        ],
    }


def _cut(rows: Sequence[Sequence[str]], columns: int) -> Iterator[Sequence[str]]:
    """Yield the first rows of a table, and a last one that counts the others."""
    yield from rows[:_ROWS]
    if len(rows) > _ROWS:
        yield ("…", f"{len(rows) - _ROWS} more: --json lists all", *[""] * (columns - 2))


# ----- the state of a fleet


def print_status(installers: Iterable[Installer], fleet: Sequence[Member]) -> None:
    """Print the counts of each installer, then the failures by their message."""
    counts = [(installer, _counts([m for m in fleet if m.installer == installer])) for installer in installers]
    rows = [(i.label, i.version, *(str(count) for count in found.values())) for i, found in counts]
    columns = ["installer", "driver", "nodes", *State, "cordoned by a rollout"]
    output.print_table(output.plural(len(fleet), "node"), columns, rows)
    failures: dict[str, list[str]] = defaultdict(list)
    for member in fleet:
        if member.pod and member.pod.failure:
            failures[str(member.pod.failure)].append(member.node.name)
    if failures:
        table = [(str(len(nodes)), _names(nodes), said) for said, nodes in failures.items()]
        output.print_table("", ["count", "failed", "message"], _cut(table, 3))


def _counts(fleet: Sequence[Member]) -> dict[str, int]:
    states = Counter(member.state for member in fleet)
    ours = sum(_is_ours(member) for member in fleet)
    return {"nodes": len(fleet), **{str(state): states[state] for state in State}, "cordoned": ours}


def _is_ours(member: Member) -> bool:
    return member.node.cordoned and member.node.mark is not None and member.node.mark.cordoned


def status_data(installers: Iterable[Installer], fleet: Sequence[Member]) -> dict[str, object]:
    """Return the state of a fleet as plain data."""
    return {
        "installers": [
            {
                "installer": i.name,
                "release": i.release,
                "driver": i.driver,
                "version": i.version,
                **_counts([m for m in fleet if m.installer == i]),
            }
            for i in installers
        ],
        "nodes": [_node_data(member) for member in fleet],
    }


def _node_data(member: Member) -> Mapping[str, object]:
    pod = member.pod
    failure = pod.failure if pod else None
    return {
        "node": member.node.name,
        "installer": member.installer.name,
        "state": str(member.state),
        "outdated": member.is_old,
        "pod": pod.name if pod else None,
        "version": pod.version if pod else None,
        "code": failure.code if failure else None,
        "message": str(failure) if failure else None,
        "cordoned": member.node.cordoned,
        "cordoned_by_rollout": _is_ours(member),
        "begun": member.node.mark is not None,
    }


# ----- the end of a run


def summary(results: Iterable[NodeResult]) -> list[str]:
    """Return a line for each end that nodes had, and one for those that the rollout leaves cordoned."""
    results = list(results)
    ends: dict[Outcome, list[str]] = {outcome: [] for outcome in Outcome}
    for result in results:
        ends[result.outcome].append(result.planned.node)
    lines = [
        f"{_WORDS[end]}: {output.plural(len(nodes), 'node')}: {_names(nodes)}" for end, nodes in ends.items() if nodes
    ]
    held = [f"{r.planned.node}{f' ({r.step})' if r.step else ''}" for r in results if is_held(r)]
    return [*lines, f"still cordoned by the rollout: {', '.join(held) or 'none'}"]


def is_held(result: NodeResult) -> bool:
    """Return whether a rollout has left its mark on a node: this run, or an earlier one that this run did not get to."""
    return result.held or (result.outcome is Outcome.LEFT and result.planned.begun)


def results_data(results: Iterable[NodeResult]) -> list[dict[str, object]]:
    """Return the ends of nodes as plain data."""
    return [
        {
            "node": result.planned.node,
            "installer": result.planned.installer.name,
            "outcome": str(result.outcome),
            "step": str(result.step) if result.step else None,
            "error": result.error.brief if result.error else None,
            "held": is_held(result),
        }
        for result in results
    ]
