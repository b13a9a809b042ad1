"""The checkout: git, its history and changes, and versions.lock."""

from collections.abc import Iterator
from pathlib import Path

from lifecycle.app.output import plural
from lifecycle.doctor.finding import Finding, State, Subject
from lifecycle.planning.locked_project import NotLockedError, require_locked
from lifecycle.planning.project import Project
from lifecycle.tools.checkout import Checkout, NotARepositoryError

_CHECKOUT = Subject("checkout")
_LOCK = Subject("lock")


def check_checkout(root: Path) -> Iterator[Finding]:
    """Yield the state of the git checkout at `root`. Raises ProgramMissingError, CheckoutError."""
    checkout = Checkout(root)
    try:
        shallow, commit, changed = checkout.is_shallow(), checkout.commit(), checkout.changed()
    except NotARepositoryError as error:
        yield _CHECKOUT.failure(
            error, state=State.WARNING, remedy="`invoke changed`, `invoke release` and `invoke manifests` need it."
        )
        return
    if shallow:
        yield _CHECKOUT.warning(
            f"{root} is a shallow clone, and `invoke changed` compares with older commits",
            "Run `git fetch --unshallow`; in CI, ask for the whole history.",
        )
    found = f"{root} at {commit[:12] if commit else 'no commit yet'}"
    yield _CHECKOUT.ok(f"{found}, with {plural(len(changed), 'changed file')}" if changed else f"{found}, unchanged")


def check_lock(project: Project) -> Iterator[Finding]:
    """Yield whether versions.lock has what component.yaml declares."""
    try:
        matrix = require_locked(project).matrix
    except NotLockedError as error:
        yield _LOCK.failure(error, state=State.WARNING)
        return
    yield _LOCK.ok(f"versions.lock is current: {plural(len(matrix.combinations), 'combination')}")
