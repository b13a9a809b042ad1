"""The tokens for code forges: of pull requests of `gitops`, and of releases."""

from collections.abc import Iterator

from lifecycle.app.session import Session
from lifecycle.config.gitops import Mode
from lifecycle.doctor.finding import Finding, State, Subject
from lifecycle.errors import UsageError
from lifecycle.gitops.propose import TOKEN
from lifecycle.planning.project import Project
from lifecycle.release.release_page import TOKEN as RELEASE_TOKEN
from lifecycle.release.release_page import NoTokenError, find_project, find_token
from lifecycle.tools.checkout import Checkout
from lifecycle.tools.forge.api import Advice, ForgeRefusedError, ForgeToken, open_api
from lifecycle.tools.forge.project import Project as ForgeProject
from lifecycle.tools.forge.project import parse_project
from lifecycle.tools.forge.rights import may_write
from lifecycle.tools.network.retries import RetryPolicy

_PULL_REQUESTS, _RELEASES = Subject("pull requests"), Subject("releases")
_ONCE = RetryPolicy(attempts=1)


def check_pull_requests(session: Session, project: Project) -> Iterator[Finding]:
    """Yield whether pull requests can be opened in the repository of `gitops`."""
    section = project.component.gitops
    if section is None or section.mode is Mode.COMMIT:
        yield _PULL_REQUESTS.skipped("component.yaml declares none (gitops.mode)")
        return
    there = parse_project(section.repository, section.forge)
    if there is None:
        yield _PULL_REQUESTS.skipped(
            f"{section.repository} is at no known forge", "Name it in gitops.forge, if it is at one."
        )
        return
    token = session.environ.get(TOKEN)
    if not token:
        yield _PULL_REQUESTS.warning(
            f"{TOKEN} is not set, so a pull request at {there.address} is opened by hand",
            f"Set {TOKEN} to a token that may write there.",
        )
        return
    yield _rights(_PULL_REQUESTS, there, ForgeToken(token), section.api, TOKEN)


def check_releases(session: Session, project: Project) -> Iterator[Finding]:
    """Yield whether a release can be made at the forge of origin. Raises CheckoutError, NoForgeError."""
    section = project.component.release
    if section is None:
        yield _RELEASES.skipped("component.yaml has no `release`")
        return
    there = find_project(section, Checkout(session.root).remote_address())
    try:
        token = find_token(there, section.api, session.environ)
    except NoTokenError as error:
        yield _RELEASES.failure(error, state=State.WARNING)
        return
    if token.is_job:
        yield _RELEASES.ok(f"{there.address}, with the token of this CI job")
        return
    yield _rights(_RELEASES, there, token, section.api, RELEASE_TOKEN)


def _rights(subject: Subject, there: ForgeProject, token: ForgeToken, api: str | None, variable: str) -> Finding:
    """Return whether the user of a token may write to a project."""
    advice = Advice(permission=f"Set {variable} to a token that may write to {there.path}.")
    try:
        allowed = may_write(there, open_api(there, token, api=api, advice=advice, policy=_ONCE))
    except (ForgeRefusedError, UsageError) as error:
        return subject.failure(error)
    if allowed is None:
        return subject.warning(
            f"{there.address} answers, and does not tell what the token may do",
            f"{variable} has to be allowed to write.",
        )
    if not allowed:
        return subject.error(f"{there.address}: the token of {variable} may read but not write", advice.permission)
    return subject.ok(f"{there.address}: the user of {variable} may write")
