"""`invoke changed`: the combinations that a change affects, or a canary for a change of code alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.app import output
from lifecycle.app.next_step import selecting
from lifecycle.app.session import Session
from lifecycle.commands.canary import canary_of, changed_code, reason_of
from lifecycle.commands.ci_matrix import check_format, print_for_ci
from lifecycle.commands.revisions import UnreadableRevisionError, differences
from lifecycle.errors import UsageError
from lifecycle.planning.matrix import Combination, Matrix
from lifecycle.planning.matrix_diff import MatrixDiff
from lifecycle.tools.checkout import Checkout, CheckoutError, UnknownRevisionError, UntrustedCheckoutError

# The main branch by its names; a clone in CI has no local branch of that name.
_MAIN = {"origin/main": "refs/remotes/origin/main", "main": "refs/heads/main"}
_FETCH_MAIN = "origin main:refs/remotes/origin/main"


class NoRepositoryError(UsageError):
    """A checkout without a readable git history."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"cannot read this checkout's git history: {said}: run the command in a clone of the repository"
        )


class NoMainError(UsageError):
    """A clone without the main branch, with which changes are compared."""

    def __init__(self) -> None:
        super().__init__(
            f"this clone has neither {' nor '.join(_MAIN)}: run `git fetch {_FETCH_MAIN}`, or name a revision with --since"
        )


class UnrelatedError(UsageError):
    """A main branch that shares no commit with HEAD."""

    def __init__(self, main: str) -> None:
        super().__init__(f"HEAD and {main} have no common history: name a revision with --since")


class ShallowError(UsageError):
    """A shallow clone whose history ends before the requested commit."""

    def __init__(self, lacking: str) -> None:
        super().__init__(
            f"this shallow clone lacks {lacking}: fetch more history, `git fetch --unshallow {_FETCH_MAIN}`"
        )


@dataclass(frozen=True, kw_only=True)
class Affected:
    """A combination that a change affects, with the reasons.

    `rebuild` is True for a canary: an image with the same inputs may exist, so CI has to build everything again.
    """

    combination: Combination
    reasons: tuple[str, ...]
    rebuild: bool = False


# ----- pure


def affected_by(found: MatrixDiff, matrix: Matrix) -> tuple[Affected, ...]:
    """Return the combinations that a difference affects, in the order of the matrix."""
    reasons: Mapping[str, tuple[str, ...]] = {**dict.fromkeys(found.added, ("added",)), **found.rebuilt}
    return tuple(Affected(combination=c, reasons=reasons[c.id]) for c in matrix.combinations if c.id in reasons)


# ----- effects


def show_changed(session: Session, since: str, *, as_json: bool, ci_format: str) -> str:
    """Print the combinations that differ from a revision; "" means the merge base of HEAD with the main branch.

    If none differs but code that builds or tests images does, a canary is printed. Return the next step. Raises
    UnknownFormatError, TwoOutputsError,
    UnknownRevisionError, ShallowError, NoMainError, UnrelatedError, NoRepositoryError.
    """
    check_format(ci_format, json=as_json)
    revision = starting_point(session.root, since)
    session.progress.say(f"compared with {revision}")
    affected = _affected_since(session, revision) or _canary(session, revision)
    if ci_format:
        rebuild = {entry.combination.id for entry in affected if entry.rebuild}
        print_for_ci(ci_format, [entry.combination for entry in affected], rebuild=rebuild)
    elif as_json:
        output.print_json([{"id": entry.combination.id, "reasons": list(entry.reasons)} for entry in affected])
    else:
        output.print_lines(entry.combination.id for entry in affected)
    command = "invoke build --rebuild" if any(entry.rebuild for entry in affected) else "invoke build"
    return selecting(command, ",".join(entry.combination.id for entry in affected)) if affected else ""


def _affected_since(session: Session, revision: str) -> tuple[Affected, ...]:
    project = session.locked_project
    try:
        found = differences(session.root, revision, project)
    except UnreadableRevisionError as error:
        # A check that is skipped by mistake is worse than one too many.
        session.progress.warn(
            f"cannot compare with {revision}, so every combination counts as changed: {error.details}"
        )
        found = MatrixDiff(added=tuple(c.id for c in project.matrix.combinations), dropped=(), rebuilt={})
    return affected_by(found, project.matrix)


def _canary(session: Session, revision: str) -> tuple[Affected, ...]:
    """Return the combination that CI builds for a change of code alone, or nothing if no code changed."""
    project, files = session.locked_project, changed_code(session.root, revision)
    canary = canary_of(project.matrix, project.component.context.architecture[0])
    if not files or canary is None:
        return ()
    reason = reason_of(files)
    session.progress.say(reason)
    return (Affected(combination=canary, reasons=(reason,), rebuild=True),)


def starting_point(root: Path, since: str) -> str:
    """Return the commit that a revision means; "" means the merge base of HEAD with the main branch.

    Raises NoRepositoryError, UnknownRevisionError, ShallowError, NoMainError, UnrelatedError.
    """
    checkout = Checkout(root)
    try:
        is_shallow = checkout.is_shallow()
    except UntrustedCheckoutError:
        raise
    except CheckoutError as error:
        raise NoRepositoryError(error.git_error) from error
    return _commit(checkout, since, is_shallow) if since else _merge_base(checkout, is_shallow)


def _commit(checkout: Checkout, since: str, is_shallow: bool) -> str:
    commit = checkout.commit(since)
    if commit:
        return commit
    if is_shallow:
        raise ShallowError(repr(since))
    raise UnknownRevisionError(since, "no such commit", option="--since")


def _merge_base(checkout: Checkout, is_shallow: bool) -> str:
    main = next((name for name, ref in _MAIN.items() if checkout.commit(ref)), None)
    base = checkout.merge_base(_MAIN[main]) if main else None
    if base:
        return base
    if is_shallow:
        raise ShallowError(f"the merge base with {main or next(iter(_MAIN))}")
    raise UnrelatedError(main) if main else NoMainError
