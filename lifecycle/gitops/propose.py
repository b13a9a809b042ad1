"""Submit a change of the GitOps repository: push it, open a pull request if the forge's API is available, and print it."""

from dataclasses import asdict, dataclass

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.config.gitops import GitOps, Mode
from lifecycle.gitops.deliver import Deliverer, DeliveryResult, DeliveryStatus, MakeProposal
from lifecycle.gitops.git import Remote
from lifecycle.tools.forge.api import Advice, ForgeToken, open_api
from lifecycle.tools.forge.project import parse_project
from lifecycle.tools.forge.pull_requests import PullRequest, pull_requests
from lifecycle.versions.apply_edit import print_diff

TOKEN = "INVOKE_GITOPS_TOKEN"  # noqa: S105 - the variable's name
_ADVICE = Advice(kept="the branch is pushed", permission=f"{TOKEN} has to be allowed to make pull requests.")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The result of a submission. `pull_request` contains the change; `by_hand` is the address to open one in a browser."""

    delivered: DeliveryResult
    pull_request: PullRequest | None = None
    by_hand: str = ""


@dataclass(frozen=True, kw_only=True)
class ValuesChange:
    """A change to submit: the repository, our own branch, and the function that makes the change from the repository's files."""

    section: GitOps
    remote: Remote
    branch: str
    make: MakeProposal


def submit(session: Session, change: ValuesChange, *, dry_run: bool) -> Submission:
    """Deliver a change, and open or update the pull request of its branch.

    Raises GitRefusedError, PushConflictError, ForgeRefusedError (what was pushed stays), and what `make` raises.
    """
    section = change.section
    with session.cache.scratch("gitops") as scratch:
        deliverer = Deliverer(
            remote=change.remote, section=section, branch=change.branch, scratch=scratch, say=session.progress.say
        )
        delivered = deliverer.deliver(change.make, dry_run=dry_run)
    if (
        dry_run
        or section.mode is Mode.COMMIT
        or delivered.verdict not in (DeliveryStatus.PUSHED, DeliveryStatus.UNCHANGED)
    ):
        return Submission(delivered=delivered)
    project, token = parse_project(change.remote.address, section.forge), session.environ.get(TOKEN)
    if project is None:
        return Submission(delivered=delivered)
    if not token:
        return Submission(delivered=delivered, by_hand=project.compare_url(section.branch, change.branch))
    proposal = delivered.proposal
    api = open_api(project, ForgeToken(token), api=section.api, advice=_ADVICE)
    request = pull_requests(project, api).propose(
        branch=change.branch, base=section.branch, title=proposal.title, body=proposal.body
    )
    return Submission(delivered=delivered, pull_request=request)


def show(session: Session, change: ValuesChange, handed: Submission, *, as_json: bool) -> None:
    """Print the result of a submission, and the next step of a person."""
    delivered = handed.delivered
    if as_json:
        request = asdict(handed.pull_request) if handed.pull_request else None
        output.print_json(
            {
                "verdict": str(delivered.verdict),
                "branch": delivered.branch,
                "commit": delivered.commit,
                "pull_request": request,
                "by_hand": handed.by_hand,
                "changes": [asdict(change) for change in delivered.proposal.changes],
            }
        )
        return
    print_diff(iter(delivered.diff))
    print_next_step(session, change, handed)


def print_next_step(session: Session, change: ValuesChange, handed: Submission) -> None:
    """Print on stderr where a change is, and the next step of a person."""
    for line in _next(session, change.section, handed):
        session.progress.say(line)


def _next(session: Session, section: GitOps, handed: Submission) -> list[str]:
    delivered = handed.delivered
    match delivered.verdict:
        case DeliveryStatus.NOTHING:
            return [f"nothing to change: {section.branch} of {section.repository} is up to date"]
        case DeliveryStatus.DRY_RUN:
            return ["nothing was pushed: that is what would be"]
        case _ if section.mode is Mode.COMMIT:
            return [f"on {section.branch} of {section.repository}: {delivered.commit[:12]}"]
    if handed.pull_request:
        return [f"pull request {'updated' if handed.pull_request.known else 'opened'}: {handed.pull_request.url}"]
    again = "it is there already: " if delivered.verdict is DeliveryStatus.UNCHANGED else ""
    if handed.by_hand:
        return [f"{TOKEN} is not set, so no pull request was opened", f"next: {again}merge {handed.by_hand}"]
    place = session.root / section.repository
    show = f"git -C {section.repository} log -p {section.branch}..{delivered.branch}" if place.is_dir() else ""
    return [f"next: {again}merge the branch {delivered.branch} of {section.repository}{': ' if show else ''}{show}"]
