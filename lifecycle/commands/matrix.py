"""The matrix, for people, scripts and CI. `invoke matrix`."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.commands.ci_matrix import check_format, print_for_ci
from lifecycle.commands.revisions import differences
from lifecycle.errors import UsageError
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.shards import chosen, parse_shard


class PartOfDiffError(UsageError):
    """Options that choose a part, for a comparison of two whole matrices."""

    def __init__(self, options: Sequence[str]) -> None:
        super().__init__(f"--diff is about the whole matrix: leave out {' and '.join(options)}")


def show_matrix(session: Session, only: str, shard: str, *, diff: str, as_json: bool, ci_format: str) -> None:
    """Print the chosen combinations; with `diff`, a git revision, what the working tree changes since.

    Raises TwoOutputsError, PartOfDiffError, and what the parts of it raise.
    """
    check_format(ci_format, json=as_json, diff=diff)
    part = parse_shard(shard)
    if diff:
        partial = [f"--{name}" for name, value in {"only": only, "shard": shard}.items() if value]
        if partial:
            raise PartOfDiffError(partial)
        show_diff(session.root, diff, session.locked_project, as_json=as_json)
        return
    everything = session.locked_project.matrix
    combinations = chosen(session.locked_project, only, part)
    if part:
        everything = replace(everything, excluded=())  # of no shard
    for warning in everything.warnings:
        session.progress.warn(warning)
    if ci_format:
        print_for_ci(ci_format, combinations)
    elif as_json:
        output.print_json(output.matrix_rows(everything, combinations))
    else:
        output.print_matrix(everything, combinations)


def show_diff(root: Path, revision: str, project: LockedProject, *, as_json: bool) -> None:
    """Print what the working tree changes since a revision. Raises UnknownRevisionError, UnreadableRevisionError."""
    found = differences(root, revision, project)
    if as_json:
        output.print_json(asdict(found))
        return
    lines = [f"+ {key}" for key in found.added] + [f"- {key}" for key in found.dropped]
    for key, reasons in found.rebuilt.items():
        lines += [f"~ {key}", *(f"    {reason}" for reason in reasons)]
    counts = (
        f"{len(found.added)} added, {len(found.dropped)} dropped, {len(found.rebuilt)} to build anew since {revision}"
    )
    output.print_lines([*lines, counts])
