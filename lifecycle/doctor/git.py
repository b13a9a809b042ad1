"""Git repositories that are pushed to: origin and that of `gitops`. Whether a push is allowed is tried with `--dry-run`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.doctor.finding import Finding, State, Subject
from lifecycle.gitops.git import GitRefusedError, Remote, remote
from lifecycle.gitops.repository import repository_exists
from lifecycle.planning.project import Project
from lifecycle.tools.checkout import Checkout, CheckoutError
from lifecycle.tools.network.errors import without_login
from lifecycle.tools.process import ProgramFailedError, run

_ORIGIN, _GITOPS = Subject("origin"), Subject("gitops")
_LIMIT = "6"
# It exists nowhere, and a dry run does not create it.
_BRANCH = "refs/heads/nvidia-installer-doctor"
_TIMED_OUT = 124  # timeout(1)


def check_origin(session: Session) -> Iterator[Finding]:
    """Yield whether origin, which a release is pushed to, can be read and written."""
    checkout = Checkout(session.root)
    try:
        address = checkout.remote_address() if checkout.has_remote() else ""
    except CheckoutError:
        address = ""
    if not address:
        yield _ORIGIN.skipped(
            "the checkout has no remote `origin`", "`invoke release` needs one: `git remote add origin …`."
        )
        return
    there = Remote(address=without_login(address), environ=_prompts(session.environ))
    try:
        _git(session.root, there, "ls-remote", "--heads", "--quiet", checkout.remote, what="read it")
    except GitRefusedError as error:
        yield _ORIGIN.failure(error, state=State.WARNING, remedy="`invoke release` needs it.")
        return
    yield _pushable(_ORIGIN, session.root, there, checkout.remote, "`invoke release` pushes there.")


def check_gitops(session: Session, project: Project) -> Iterator[Finding]:
    """Yield whether the repository that clusters deploy from can be read and written. Raises PlainTokenError, BadPathError."""
    section = project.component.gitops
    if section is None:
        yield _GITOPS.skipped("component.yaml has no `gitops`")
        return
    if not repository_exists(session.root, section):
        yield _GITOPS.ok(f"{section.repository} does not exist yet: it is created on first use")
        return
    found = remote(section.repository, session.environ)
    there = Remote(address=found.address, environ={**found.environ, **_prompts({**session.environ, **found.environ})})
    listed = _git(
        session.root,
        there,
        "ls-remote",
        "--heads",
        "--quiet",
        there.address,
        f"refs/heads/{section.branch}",
        what="read it",
    )
    if not listed.strip():
        yield _GITOPS.error(
            f"{there.address} has no branch {section.branch}",
            "Create it, or correct `branch` in component.yaml's gitops.",
        )
        return
    yield _pushable(_GITOPS, session.root, there, there.address, "`invoke bump-gitops` pushes there.")


def _pushable(subject: Subject, root: Path, there: Remote, name: str, why: str) -> Finding:
    try:
        _git(root, there, "push", "--dry-run", "--no-verify", "--quiet", name, f"HEAD:{_BRANCH}", what="push to it")
    except GitRefusedError as error:
        return subject.failure(error, state=State.WARNING, remedy=why)
    return subject.ok(f"{there.address}: may be read and pushed to")


def _prompts(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables with which git and ssh ask nobody, and ssh gives up an address that does not answer."""
    ssh = environ.get("GIT_SSH_COMMAND") or ("" if "GIT_SSH" in environ else "ssh -oBatchMode=yes")
    return {"GIT_TERMINAL_PROMPT": "0", **({"GIT_SSH_COMMAND": f"{ssh} -oConnectTimeout=5"} if ssh else {})}


def _git(root: Path, there: Remote, *words: str, what: str) -> str:
    """Run git in the checkout with a time limit, and return its output. Raises GitRefusedError."""
    command = ["timeout", "--kill-after=1", _LIMIT, "git", "-C", str(root), *words]
    try:
        return run(command, extra_env=there.environ)
    except ProgramFailedError as error:
        said = f"no answer within {_LIMIT} s" if error.code == _TIMED_OUT else error.output
        raise GitRefusedError(there.address, what, said) from error
