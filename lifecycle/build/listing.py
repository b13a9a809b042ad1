"""The matrix, for people, scripts and CI. `invoke matrix`."""

from lifecycle.build import tables
from lifecycle.build.ci_matrix import check_format, print_for_ci
from lifecycle.build.diff import show_diff
from lifecycle.build.workbench import Workbench
from lifecycle.model.select import select


def show_matrix(bench: Workbench, only: str, *, diff: str, as_json: bool, ci_format: str) -> None:
    """Print the chosen combinations; with `diff`, a git revision, what the working tree changes since."""
    check_format(ci_format, json=as_json, diff=diff)
    if diff:
        show_diff(bench.root, diff, bench.answered(), as_json=as_json)
        return
    everything = bench.answered().matrix()
    chosen = select(everything, only)
    for warning in everything.warnings:
        bench.progress.warn(warning)
    if ci_format:
        print_for_ci(ci_format, chosen)
    elif as_json:
        tables.print_json(tables.matrix_rows(everything, chosen))
    else:
        tables.print_matrix(everything, chosen)
