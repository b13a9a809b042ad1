"""The project at a git revision, and the difference between a revision and the working tree."""

from dataclasses import replace
from pathlib import Path

from lifecycle.errors import UsageError
from lifecycle.planning.locked_project import LockedProject, require_locked
from lifecycle.planning.matrix import expand
from lifecycle.planning.matrix_diff import MatrixDiff, compare
from lifecycle.planning.project import load_project
from lifecycle.planning.recipes import formats_at
from lifecycle.tools.checkout import Checkout


class UnreadableRevisionError(UsageError):
    """A revision whose files have no valid matrix."""

    def __init__(self, revision: str, why: UsageError) -> None:
        super().__init__(
            f"--diff {revision!r}: its files have no valid matrix: name a revision at which `invoke matrix` works",
            details=str(why),
        )


def differences(root: Path, revision: str, project: LockedProject) -> MatrixDiff:
    """Compare the files of a revision with a project. Raises UnknownRevisionError, UnreadableRevisionError."""
    with Checkout(root).files_at(revision) as folder:
        return compare(_project_at(folder, revision), project)


def _project_at(folder: Path, revision: str) -> LockedProject:
    try:
        # The format numbers must be those of the revision's code, not of the running code.
        project = replace(load_project(folder), formats=formats_at(folder))
        locked = require_locked(project)
        expand(locked.component, locked.lock, locked.series)
    except UsageError as error:
        raise UnreadableRevisionError(revision, error) from error
    return locked
