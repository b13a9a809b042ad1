"""`invoke matrix`: print the matrix for people, scripts and CI, or compare it with a revision."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path

from lifecycle.app import build_output, output
from lifecycle.app.session import Session
from lifecycle.cache.patch_states import needless_patches, patch_uses
from lifecycle.commands.ci_matrix import check_format, print_for_ci
from lifecycle.commands.revisions import differences
from lifecycle.errors import UsageError
from lifecycle.planning.built_exclusions import warn_of_built
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.shards import chosen, parse_shard
from lifecycle.planning.targets import Kind, Targets


class PartOfDiffError(UsageError):
    """Options that select a part, beside a comparison of two whole matrices."""

    def __init__(self, options: Sequence[str]) -> None:
        super().__init__(f"--diff compares whole matrices: leave out {' and '.join(options)}")


def show_matrix(session: Session, only: str, shard: str, *, diff: str, as_json: bool, ci_format: str) -> None:
    """Print the selected combinations; with `diff`, a git revision, print the changes since that revision.

    Raises UnknownFormatError, TwoOutputsError, PartOfDiffError, BadShardError, NothingSelectedError, NotLockedError.
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
        everything = replace(everything, excluded=())  # no shard has them
    built = warn_of_built(session.locked_project, lambda name: session.cache.was_built(Kind.MODULES, name))
    everything = replace(everything, warnings=(*everything.warnings, *built))
    project = session.locked_project
    targets = Targets(project)
    patches = {c: patch_uses(c, targets, session.cache) for c in project.matrix.combinations}
    needless = needless_patches(project.series, chain.from_iterable(patches.values()))
    for warning in [*everything.warnings, *needless]:
        session.progress.warn(warning)
    if ci_format:
        print_for_ci(ci_format, combinations)
    elif as_json:
        output.print_json(build_output.matrix_rows(everything, combinations, patches))
    else:
        build_output.print_matrix(everything, combinations, patches)


def show_diff(root: Path, revision: str, project: LockedProject, *, as_json: bool) -> None:
    """Print the difference between a revision and the working tree. Raises UnknownRevisionError, UnreadableRevisionError."""
    found = differences(root, revision, project)
    if as_json:
        output.print_json(asdict(found))
        return
    lines = [f"+ {key}" for key in found.added] + [f"- {key}" for key in found.dropped]
    for key, reasons in found.rebuilt.items():
        lines += [f"~ {key}", *(f"    {reason}" for reason in reasons)]
    counts = f"{len(found.added)} added, {len(found.dropped)} dropped, {len(found.rebuilt)} rebuilt since {revision}"
    output.print_lines([*lines, counts])
