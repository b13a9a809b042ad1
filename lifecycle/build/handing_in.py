"""A change of the GitOps repository handed in: pushed, with a pull request where the forge's API is to be had, and shown."""

from dataclasses import asdict, dataclass

from lifecycle.build import tables
from lifecycle.build.editing import print_diff
from lifecycle.build.workbench import Workbench
from lifecycle.model.gitops import GitOps, Mode
from lifecycle.steps.gitops import Delivered, Deliverer, MakeProposal, Verdict
from lifecycle.tools.forge import PullRequest, forge_of, project_at
from lifecycle.tools.git import Remote

TOKEN = "INVOKE_GITOPS_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True, kw_only=True)
class HandedIn:
    """What became of a change; `pull_request` is the one that it is in, `by_hand` where a person makes one."""

    delivered: Delivered
    pull_request: PullRequest | None = None
    by_hand: str = ""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """A change to hand in: to which repository, on which branch of our own, and how it is made of the files there."""

    section: GitOps
    remote: Remote
    branch: str
    make: MakeProposal


def hand_in(bench: Workbench, errand: Errand, *, dry_run: bool) -> HandedIn:
    """Deliver a change, and open or update the pull request of its branch.

    Raises GitRefusedError, BusyBranchError, ForgeRefusedError (what was pushed stays), and what `make` raises.
    """
    section = errand.section
    with bench.store.scratch("gitops") as scratch:
        deliverer = Deliverer(
            remote=errand.remote, section=section, branch=errand.branch, scratch=scratch, say=bench.progress.say
        )
        delivered = deliverer.deliver(errand.make, dry_run=dry_run)
    if dry_run or section.mode is Mode.COMMIT or delivered.verdict not in (Verdict.PUSHED, Verdict.THERE):
        return HandedIn(delivered=delivered)
    project, token = project_at(errand.remote.address, section.forge), bench.environ.get(TOKEN)
    if project is None:
        return HandedIn(delivered=delivered)
    if not token:
        return HandedIn(delivered=delivered, by_hand=project.compare_url(section.branch, errand.branch))
    proposal = delivered.proposal
    request = forge_of(project, token, api=section.api).propose(
        branch=errand.branch, base=section.branch, title=proposal.title, body=proposal.body
    )
    return HandedIn(delivered=delivered, pull_request=request)


def show(bench: Workbench, errand: Errand, handed: HandedIn, *, as_json: bool) -> None:
    """Print what became of a change, and what a person does next."""
    delivered = handed.delivered
    if as_json:
        request = asdict(handed.pull_request) if handed.pull_request else None
        tables.print_json(
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
    say_next(bench, errand, handed)


def say_next(bench: Workbench, errand: Errand, handed: HandedIn) -> None:
    """Say where a change is now, and what a person does next."""
    for line in _next(bench, errand.section, handed):
        bench.progress.say(line)


def _next(bench: Workbench, section: GitOps, handed: HandedIn) -> list[str]:
    delivered = handed.delivered
    match delivered.verdict:
        case Verdict.NOTHING:
            return [f"nothing to change: {section.branch} of {section.repository} has it all"]
        case Verdict.SHOWN:
            return ["nothing was pushed: that is what would be"]
        case _ if section.mode is Mode.COMMIT:
            return [f"on {section.branch} of {section.repository}: {delivered.commit[:12]}"]
    if handed.pull_request:
        return [f"pull request {'updated' if handed.pull_request.known else 'opened'}: {handed.pull_request.url}"]
    again = "there already, and " if delivered.verdict is Verdict.THERE else ""
    if handed.by_hand:
        return [f"{again}to be merged: {handed.by_hand} ({TOKEN} is not set)"]
    place = bench.root / section.repository
    show = f"git -C {section.repository} log -p {section.branch}..{delivered.branch}" if place.is_dir() else ""
    return [f"{again}to be merged: the branch {delivered.branch} of {section.repository}{': ' if show else ''}{show}"]
