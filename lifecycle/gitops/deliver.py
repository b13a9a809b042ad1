"""Deliver a change of the values repository as one commit on top of the branch, without overwriting others' work.

Commits are only added to the branch that clusters follow. Our pull-request branch is rebased and force-pushed, unless someone else
committed to it; then a commit is appended.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from lifecycle.config.gitops import GitOps, Mode
from lifecycle.errors import InstallerError
from lifecycle.gitops.git import Clone, NonFastForwardError, Remote
from lifecycle.gitops.repository_files import Files
from lifecycle.gitops.settings import Change

ATTEMPTS = 5
# How our own commits are known, in a trailer (git-interpret-trailers(1)).
TRAILER = "Bumped-by: nvidia-installer"


class DeliveryStatus(StrEnum):
    """The status of a change in the repository."""

    NOTHING = "nothing to change"
    UNCHANGED = "there already"
    PUSHED = "pushed"
    DRY_RUN = "not pushed"


class PushConflictError(InstallerError):
    """A branch that changed before each push."""

    def __init__(self, address: str, branch: str) -> None:
        super().__init__(
            f"{address}: others pushed to {branch} before each of {ATTEMPTS} pushes",
            resolution="Run the command again.",
        )


@dataclass(frozen=True, kw_only=True)
class CommitProposal:
    """A change to commit: the new texts of files by path, and the message as a title and a body.

    `changes` lists the change key by key, for people and scripts.
    """

    files: Mapping[str, str]
    title: str
    body: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeliveryResult:
    """The result of a delivery: the branch, the commit ("" if there is none), and the difference from the base."""

    verdict: DeliveryStatus
    branch: str
    commit: str
    diff: tuple[str, ...]
    proposal: CommitProposal


MakeProposal = Callable[[Files], CommitProposal]


@dataclass(frozen=True, kw_only=True)
class Deliverer:
    """The delivery of changes. `branch` is our own, for the mode pull-request; `scratch` is an empty folder."""

    remote: Remote
    section: GitOps
    branch: str
    scratch: Path
    say: Callable[[str], None]

    @property
    def target(self) -> str:
        """The branch that changes are pushed to."""
        return self.section.branch if self.section.mode is Mode.COMMIT else self.branch

    def deliver(self, make: MakeProposal, *, dry_run: bool = False) -> DeliveryResult:
        """Commit the result of `make`, and push it. The change is made again on top of newer commits.

        Raises GitRefusedError, PushConflictError, and what `make` raises, before anything is pushed.
        """
        clone = Clone.of(self.remote, self.section.branch, self.scratch / "values")
        for attempt in range(ATTEMPTS):
            if attempt:
                self.say(f"{self.target} has changed meanwhile: making the change again on top of it")
            try:
                return self._attempt(clone, make, dry_run=dry_run)
            except NonFastForwardError:
                continue
        raise PushConflictError(self.remote.address, self.target)

    def _attempt(self, clone: Clone, make: MakeProposal, *, dry_run: bool) -> DeliveryResult:
        base = clone.fetch(self.section.branch)
        ours = clone.fetch(self.branch) if self.section.mode is Mode.PULL_REQUEST else None
        if base is None:
            raise NonFastForwardError
        foreign = ours is not None and any(TRAILER not in message for message in clone.messages(base, ours))
        start = ours if ours and foreign else base
        proposal, diff = self._made(clone, start, make)
        delivered = DeliveryResult(
            verdict=DeliveryStatus.NOTHING, branch=self.target, commit="", diff=diff, proposal=proposal
        )
        if not proposal.files:
            return replace(delivered, verdict=DeliveryStatus.UNCHANGED, commit=start) if foreign else delivered
        commit = clone.commit(list(proposal.files), f"{proposal.title}\n\n{proposal.body}\n\n{TRAILER}\n")
        if ours and not foreign and clone.tree(ours) == clone.tree(commit) and clone.parent(ours) == base:
            return replace(delivered, verdict=DeliveryStatus.UNCHANGED, commit=ours)
        if dry_run:
            return replace(delivered, verdict=DeliveryStatus.DRY_RUN)
        clone.push(self.target, replacing=ours if ours and not foreign else None)
        self.say(f"pushed {commit[:12]} to {self.target} of {self.remote.address}")
        return replace(delivered, verdict=DeliveryStatus.PUSHED, commit=commit)

    def _made(self, clone: Clone, start: str, make: MakeProposal) -> tuple[CommitProposal, tuple[str, ...]]:
        """Write the files that a change makes from those of a commit, and return them."""
        clone.check_out(start)
        files = Files(clone.folder, tuple(clone.files()))
        proposal = make(files)
        diff = tuple(
            line for path, text in proposal.files.items() for line in _diff(path, files.read(path) or "", text)
        )
        for path, text in proposal.files.items():
            files.write(path, text)
        return proposal, diff


def _diff(path: str, old: str, new: str) -> Iterator[str]:
    before, after = old.splitlines(), new.splitlines()
    return difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", n=1, lineterm="")
