"""What tasks print: tables for people, plain data for `--json`. On stdout."""

import json
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from lifecycle.build.workbench import Made
from lifecycle.model.matrix import Combination, Matrix
from lifecycle.model.plan import Action
from lifecycle.steps.image import references


def print_json(value: object) -> None:
    """Plain data on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - stdout is where results go


def print_lines(lines: Iterable[str]) -> None:
    """Plain lines on stdout."""
    for line in lines:
        print(line)  # noqa: T201 - stdout is where results go


def _console() -> Console:
    console = Console(highlight=False)
    # A file or a pipe has no width: a table that is cut at 80 columns loses what it says.
    return console if console.is_terminal else Console(highlight=False, width=200)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in ("size", "seconds") else "left")
    for row in rows:
        table.add_row(*row)
    _console().print(table)


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
        "moduleTypes": [str(t) for t in combination.module_types],
        "patches": [{"moduleType": str(p.module_type), "file": p.patch.file} for p in combination.patches],
        "excluded": [{"moduleType": str(e.module_type), "reason": e.reason} for e in combination.excluded],
    }


def print_matrix(matrix: Matrix, combinations: Sequence[Combination]) -> None:
    """The matrix as a table, then what is excluded and why."""
    _table(
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
    everything = [*matrix.excluded, *combinations]
    excluded = [(c.id, str(e.module_type), e.reason) for c in everything for e in c.excluded]
    if excluded:
        print()  # noqa: T201 - a line between two tables
        _table("excluded", ["combination", "modules", "reason"], excluded)


def print_plan(actions: Iterable[Action]) -> None:
    """The plan, a line an action."""
    _table(
        "plan",
        ["", "what", "name", "reason"],
        [("RUN" if a.run else "SKIP", str(a.target.kind), a.target.name, a.reason) for a in actions],
    )


def plan_rows(actions: Iterable[Action]) -> list[dict[str, object]]:
    """The plan as plain data."""
    return [
        {
            "run": action.run,
            "kind": str(action.target.kind),
            "name": action.target.name,
            "digest": action.target.digest,
            "reason": action.reason,
            "combinations": [combination.id for combination in action.combinations],
        }
        for action in actions
    ]


def result_rows(made: Made) -> list[dict[str, object]]:
    """What there is of each chosen combination after a run, as plain data; sizes in bytes."""
    rows: list[dict[str, object]] = []
    for combination in made.combinations:
        target = made.targets.image(combination)
        image = made.state.images.get(target.digest)
        mine = [action for action in made.plan.actions if combination in action.combinations]
        seconds = made.outcome.seconds if made.outcome else {}
        reference, moving = references(made.targets.project.component.image, combination)
        rows.append(
            {
                "combination": combination.id,
                "image": reference,
                "movingTag": moving,
                "id": image.id if image else None,
                "size": image.size if image else None,
                "seconds": round(sum(seconds.get(a.target.digest, 0) for a in mine if a.run), 1),
                "reused": sorted({str(a.target.kind) for a in mine if not a.run}),
                "made": sorted({str(a.target.kind) for a in mine if a.run and _succeeded(made, a)}),
                "failed": sorted({str(a.target.kind) for a in mine if a.run and not _succeeded(made, a)}),
            }
        )
    return rows


def _succeeded(made: Made, action: Action) -> bool:
    return made.outcome is None or action.target.digest not in made.outcome.errors


def print_results(made: Made) -> None:
    """The closing table of a build."""
    rows = []
    for row in result_rows(made):
        reused, failed = row["reused"], row["failed"]
        size = f"{row['size'] / 1e6:.0f} MB" if isinstance(row["size"], int) else "–"
        what = "everything" if not row["made"] and not failed else ", ".join(reused) if isinstance(reused, list) else ""
        state = f"FAILED: {', '.join(failed)}" if failed and isinstance(failed, list) else str(row["image"])
        rows.append((str(row["combination"]), state, size, f"{row['seconds']}", what or "nothing"))
    _table("built", ["combination", "image", "size", "seconds", "reused"], rows)
