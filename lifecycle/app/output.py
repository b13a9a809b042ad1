"""What tasks print: tables for people, plain data for `--json`. On stdout."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lifecycle.pipeline.build_service import BuildResult
from lifecycle.planning.matrix import Combination, Matrix
from lifecycle.planning.plan import Action
from lifecycle.planning.tags import references
from lifecycle.planning.targets import Kind


def print_json(value: object) -> None:
    """Plain data on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - stdout is where results go


def room(size: int) -> str:
    """A number of bytes for people."""
    if size < 1e6:
        return f"{-(-size // 1000)} kB"
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


def print_lines(lines: Iterable[str]) -> None:
    """Plain lines on stdout."""
    for line in lines:
        print(line)  # noqa: T201 - stdout is where results go


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table without borders; cells are folded, never cut."""
    from lifecycle.tools import table

    table.print_table(title, columns, rows)


def _print_some(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that an empty shard does without."""
    if rows:
        print_table(title, columns, rows)


def matrix_rows(matrix: Matrix, combinations: Sequence[Combination]) -> dict[str, object]:
    """The matrix as plain data."""
    return {
        "combinations": [_plain(combination) for combination in combinations],
        "excluded": [_plain(combination) for combination in matrix.excluded],
        "warnings": list(matrix.warnings),
    }


def _plain(combination: Combination) -> dict[str, object]:
    return {
        "id": combination.id,
        "release": combination.release,
        "kernel": combination.kernel,
        "linux": combination.linux,
        "driver": combination.driver,
        "architecture": str(combination.architecture),
        "channel": str(combination.channel),
        "module_types": [str(t) for t in combination.module_types],
        "patches": [{"module_type": str(p.module_type), "file": p.patch.file} for p in combination.patches],
        "excluded": [{"module_type": str(e.module_type), "reason": e.reason} for e in combination.excluded],
    }


def print_matrix(matrix: Matrix, combinations: Sequence[Combination]) -> None:
    """The matrix as a table, then what is excluded and why; nothing of a shard that is empty."""
    everything = [*matrix.excluded, *combinations]
    if not everything:
        return
    print_table(
        f"{len(combinations)} combinations",
        ["combination", "channel", "modules", "patches"],
        [
            (
                c.id,
                str(c.channel),
                ", ".join(c.module_types),
                ", ".join(sorted({p.patch.file for p in c.patches})) or "–",
            )
            for c in combinations
        ],
    )
    excluded = [(c.id, str(e.module_type), e.reason) for c in everything for e in c.excluded]
    if excluded:
        print()  # noqa: T201 - a line between two tables
        print_table("excluded", ["combination", "modules", "reason"], excluded)


def print_plan(actions: Iterable[Action]) -> None:
    """The plan, a line an action."""
    _print_some(
        "plan",
        ["", "what", "name", "reason"],
        [
            ("RUN" if a.run else "TAKE" if a.take else "SKIP", str(a.target.kind), a.target.name, a.reason)
            for a in actions
        ],
    )


def print_made(made: BuildResult, last: Kind) -> None:
    """What a run up to a step came to: the targets of that step, a line each."""
    errors = made.outcome.errors if made.outcome else {}
    _print_some(
        f"{last}",
        ["", "name", "reason"],
        [
            ("FAILED" if a.target.digest in errors else "made" if a.run else "there", a.target.name, a.reason)
            for a in made.plan.actions
            if a.target.kind is last
        ],
    )


def plan_rows(actions: Iterable[Action]) -> list[dict[str, object]]:
    """The plan as plain data."""
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
    """What there is of a combination after a run: `size` in bytes, and what became of the kinds of targets."""

    combination: str
    image: str
    moving_tag: str
    id: str | None
    size: int | None
    seconds: float
    reused: list[str]
    made: list[str]
    failed: list[str]


def result_rows(made: BuildResult) -> list[ResultRow]:
    """A row for each chosen combination."""
    actions: dict[str, list[Action]] = {combination.id: [] for combination in made.combinations}
    for action in made.plan.actions:
        for combination in action.combinations:
            actions[combination.id].append(action)
    return [_result_row(made, combination, actions[combination.id]) for combination in made.combinations]


def _result_row(made: BuildResult, combination: Combination, mine: Sequence[Action]) -> ResultRow:
    image = made.state.images.get(made.targets.image(combination).digest)
    ran = [action for action in mine if action.run]
    failed = [action for action in ran if made.outcome and action.target.digest in made.outcome.errors]
    seconds = made.outcome.seconds if made.outcome else {}
    reference, moving = references(made.targets.project.component.image, combination)
    return ResultRow(
        combination=combination.id,
        image=reference,
        moving_tag=moving,
        id=image.id if image else None,
        size=image.size if image else None,
        seconds=round(sum(seconds.get(action.target.digest, 0) for action in ran), 1),
        reused=_kinds(action for action in mine if not action.run),
        made=_kinds(action for action in ran if action not in failed),
        failed=_kinds(failed),
    )


def _kinds(actions: Iterable[Action]) -> list[str]:
    return sorted({str(action.target.kind) for action in actions})


def print_results(made: BuildResult) -> None:
    """The closing table of a build."""
    image = made.targets.project.component.image
    _print_some(
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
            for row in result_rows(made)
        ],
    )
