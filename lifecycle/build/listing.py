"""The matrix, for people, scripts and CI. `invoke matrix`."""

from collections.abc import Sequence
from dataclasses import replace

from lifecycle.build import tables
from lifecycle.build.ci_matrix import check_format, print_for_ci
from lifecycle.build.diff import show_diff
from lifecycle.build.workbench import Workbench
from lifecycle.errors import UsageError
from lifecycle.model.shards import chosen, parse_shard


class PartOfDiffError(UsageError):
    """Options that choose a part, for a comparison of two whole matrices."""

    def __init__(self, options: Sequence[str]) -> None:
        super().__init__(f"--diff is about the whole matrix: leave out {' and '.join(options)}")


def show_matrix(bench: Workbench, only: str, shard: str, *, diff: str, as_json: bool, ci_format: str) -> None:
    """Print the chosen combinations; with `diff`, a git revision, what the working tree changes since.

    Raises TwoOutputsError, PartOfDiffError, and what the parts of it raise.
    """
    check_format(ci_format, json=as_json, diff=diff)
    part = parse_shard(shard)
    if diff:
        partial = [f"--{name}" for name, value in {"only": only, "shard": shard}.items() if value]
        if partial:
            raise PartOfDiffError(partial)
        show_diff(bench.root, diff, bench.answered(), as_json=as_json)
        return
    everything = bench.answered().matrix()
    combinations = chosen(bench.project, only, part)
    if part:
        everything = replace(everything, excluded=())  # of no shard
    for warning in everything.warnings:
        bench.progress.warn(warning)
    if ci_format:
        print_for_ci(ci_format, combinations)
    elif as_json:
        tables.print_json(tables.matrix_rows(everything, combinations))
    else:
        tables.print_matrix(everything, combinations)
