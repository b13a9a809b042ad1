"""The matrix, a plan and the results of a build: as tables, and as plain data for `--json`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lifecycle.app import output
from lifecycle.cache.patch_states import PatchState, PatchUse
from lifecycle.pipeline.build_service import BuildResult
from lifecycle.planning.matrix import Combination, Matrix
from lifecycle.planning.plan import Action
from lifecycle.planning.tags import references
from lifecycle.planning.targets import Kind


def _print_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, or nothing if it has no rows, as for an empty shard."""
    if rows:
        output.print_table(title, columns, rows, in_summary=True)


def matrix_rows(
    matrix: Matrix, combinations: Sequence[Combination], patches: Mapping[Combination, Sequence[PatchUse]]
) -> dict[str, object]:
    """Return the matrix as plain data, with the patches of each combination that is not excluded."""
    return {
        "combinations": [combination_row(c, patches[c]) for c in combinations],
        "excluded": [combination_row(c, ()) for c in matrix.excluded],
        "warnings": list(matrix.warnings),
    }


def combination_row(combination: Combination, patches: Sequence[PatchUse]) -> dict[str, object]:
    """Return a combination and its patches as plain data."""
    return {
        "id": combination.id,
        "release": combination.release,
        "kernel": combination.kernel,
        "linux": combination.linux,
        "driver": combination.driver,
        "architecture": str(combination.architecture),
        "channel": str(combination.channel),
        "module_types": [str(t) for t in combination.module_types],
        "patches": [
            {"module_type": str(use.module_type), "file": use.patch.file, "state": str(use.state)} for use in patches
        ],
        "excluded": [{"module_type": str(e.module_type), "reason": e.reason} for e in combination.excluded],
    }


def _patches_in_brief(uses: Sequence[PatchUse]) -> str:
    """Return how many patches have which state, each patch once: `2 applied, 7 not asked yet`, or the name of a single one."""
    states = dict.fromkeys((use.patch.file, use.state) for use in uses if use.state is not PatchState.NOT_NEEDED)
    if len(states) == 1:
        ((name, state),) = states
        return name if state is PatchState.APPLIED else f"{name}: {state}"
    counts = Counter(state for _, state in states)
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "–"


def print_matrix(
    matrix: Matrix, combinations: Sequence[Combination], patches: Mapping[Combination, Sequence[PatchUse]]
) -> None:
    """Print the matrix as a table, then the excluded modules with their reasons. An empty shard prints nothing."""
    everything = [*matrix.excluded, *combinations]
    if not everything:
        return
    output.print_table(
        output.plural(len(combinations), "combination"),
        ["combination", "channel", "modules", "patches"],
        [
            (
                c.id,
                str(c.channel),
                ", ".join(c.module_types),
                _patches_in_brief(patches[c]),
            )
            for c in combinations
        ],
    )
    excluded = [(c.id, str(e.module_type), e.reason) for c in everything for e in c.excluded]
    if excluded:
        print()  # noqa: T201 - a line between two tables
        output.print_table("excluded", ["combination", "modules", "reason"], excluded)


def print_plan(actions: Iterable[Action]) -> None:
    """Print the plan, one line per action."""
    _print_rows(
        "plan",
        ["", "what", "name", "reason"],
        [
            ("RUN" if a.run else "TAKE" if a.take else "SKIP", str(a.target.kind), a.target.name, a.reason)
            for a in actions
        ],
    )


def target_rows(result: BuildResult, last: Kind) -> list[dict[str, object]]:
    """Return the targets of the last kind that was built as plain data."""
    seconds = result.outcome.seconds if result.outcome else {}
    return [
        {
            "name": action.target.name,
            "digest": action.target.digest,
            "state": _state(result, action),
            "reason": action.reason,
            "seconds": round(seconds.get(action.target.digest, 0), 1),
        }
        for action in result.plan.actions
        if action.target.kind is last
    ]


def _state(result: BuildResult, action: Action) -> str:
    errors = result.outcome.errors if result.outcome else {}
    return "FAILED" if action.target.digest in errors else "built" if action.run else "exists"


def print_targets(result: BuildResult, last: Kind) -> None:
    """Print the targets of the last kind that was built, one line each."""
    _print_rows(
        f"{last}",
        ["", "name", "reason"],
        [(_state(result, a), a.target.name, a.reason) for a in result.plan.actions if a.target.kind is last],
    )


def plan_rows(actions: Iterable[Action]) -> list[dict[str, object]]:
    """Return the plan as plain data."""
    return [
        {
            "run": action.run,
            "take": action.take,
            "kind": str(action.target.kind),
            "name": action.target.name,
            "digest": action.target.digest,
            "reason": action.reason,
            "combinations": [combination.id for combination in action.combinations],
        }
        for action in actions
    ]


@dataclass(frozen=True, kw_only=True)
class ResultRow:
    """A combination after a build: its image (`size` in bytes), and the kinds of targets by what was done with them."""

    combination: str
    image: str
    moving_tag: str
    id: str | None
    size: int | None
    seconds: float
    reused: list[str]
    made: list[str]
    failed: list[str]


def result_rows(result: BuildResult) -> list[ResultRow]:
    """Return a row for each selected combination."""
    actions: dict[str, list[Action]] = {combination.id: [] for combination in result.combinations}
    for action in result.plan.actions:
        for combination in action.combinations:
            actions[combination.id].append(action)
    return [_result_row(result, combination, actions[combination.id]) for combination in result.combinations]


def _result_row(result: BuildResult, combination: Combination, actions: Sequence[Action]) -> ResultRow:
    image = result.state.images.get(result.targets.image(combination).digest)
    ran = [action for action in actions if action.run]
    failed = [action for action in ran if result.outcome and action.target.digest in result.outcome.errors]
    seconds = result.outcome.seconds if result.outcome else {}
    reference, moving = references(result.targets.project.component.image, combination)
    return ResultRow(
        combination=combination.id,
        image=reference,
        moving_tag=moving,
        id=image.id if image else None,
        size=image.size if image else None,
        seconds=round(sum(seconds.get(action.target.digest, 0) for action in ran), 1),
        reused=_kinds(action for action in actions if not action.run),
        made=_kinds(action for action in ran if action not in failed),
        failed=_kinds(failed),
    )


def _kinds(actions: Iterable[Action]) -> list[str]:
    return sorted({str(action.target.kind) for action in actions})


def print_results(result: BuildResult) -> None:
    """Print the closing table of a build."""
    image = result.targets.project.component.image
    _print_rows(
        f"{image.registry}/{image.repository}",
        ["combination", "tag", "size", "seconds", "reused"],
        [
            (
                row.combination,
                f"FAILED: {', '.join(row.failed)}" if row.failed else row.image.rpartition(":")[2],
                f"{row.size / 1e6:.0f} MB" if row.size else "–",
                f"{row.seconds:.0f}",
                (", ".join(row.reused) or "nothing") if row.made or row.failed else "everything",
            )
            for row in result_rows(result)
        ],
    )
