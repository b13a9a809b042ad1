"""What a release does, and what of it is still to do: read off the world, so that it goes on wherever it was stopped. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.config.versions import version_key
from lifecycle.errors import UsageError

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_TAG = re.compile(r"v([0-9]+\.[0-9]+\.[0-9]+)")


class Step(StrEnum):
    """The steps, in their order."""

    COMMIT = "commit the version"
    PUBLISH = "push the commit"
    TAG = "tag"
    PUSH_TAG = "push the tag"
    IMAGES = "push the images"
    NOTES = "write the notes"
    GITOPS = "bump the values"


@dataclass(frozen=True, kw_only=True)
class ReleaseState:
    """What there is before a step.

    `tags` are those of this checkout and the remote; `remote` is false where there is no remote; commits are None where there
    is none; `on_branch` is "" for a commit alone. `unpushed`, `untested` and `unbuilt` are identifiers of combinations whose
    image the registry lacks: all of them; of these those whose tests have not passed; those that are not even built.
    `gitops` says why there is nothing to do there.
    """

    declared: str
    changed: tuple[str, ...]
    branch: str
    on_branch: str
    head: str
    remote: bool
    remote_head: str | None
    remote_has_head: bool
    head_has_remote: bool
    tags: tuple[str, ...]
    tag_commit: str | None
    remote_tag_commit: str | None
    entry: str
    heading: bool
    unlocked: str
    unpushed: tuple[str, ...]
    untested: tuple[str, ...]
    unbuilt: tuple[str, ...]
    notes_written: bool
    gitops: str


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A step, whether it is still to do, and why (not)."""

    step: Step
    run: bool
    reason: str


class ReleaseBlockedError(UsageError):
    """What stands against a release, a line each; nothing was done."""

    def __init__(self, version: str, problems: Sequence[str]) -> None:
        super().__init__(f"{version} cannot be released:\n" + "\n".join(f"  {problem}" for problem in problems))


class BadVersionError(UsageError):
    """A version that is none."""

    def __init__(self, version: str) -> None:
        super().__init__(f"--version {version!r}: write three numbers, such as 1.2.0")


def tag_name(version: str) -> str:
    """The git tag of a version."""
    return f"v{version}"


def newest(tags: Sequence[str], *, below: str = "") -> str | None:
    """The newest version that is tagged; `below` leaves out that version and newer ones."""
    versions = [match[1] for tag in tags if (match := _TAG.fullmatch(tag))]
    older = [version for version in versions if not below or version_key(version) < version_key(below)]
    return max(older, key=version_key, default=None)


def checked_version(version: str) -> str:
    """A version as it was given; raises BadVersionError."""
    if not _VERSION.fullmatch(version):
        raise BadVersionError(version)
    return version


def problems(world: ReleaseState, version: str) -> list[str]:
    """What stands against the release of a version, a sentence each with what to do."""
    return [*_of_checkout(world, version), *_of_version(world, version), *_of_images(world)]


def _of_checkout(world: ReleaseState, version: str) -> Iterator[str]:
    if world.changed:
        listed = ", ".join(line[3:] for line in world.changed[:5])
        yield f"the checkout has changes that are not committed: {listed}: commit or remove them"
    if world.on_branch not in ("", world.branch):
        yield f"{world.on_branch} is checked out: releases are made from {world.branch}"
    published = world.remote_has_head and _committed(world, version)
    if world.remote_head and not world.head_has_remote and not published:
        yield f"{world.branch} at the remote has commits that are not here: `git pull --rebase`"


def _of_version(world: ReleaseState, version: str) -> Iterator[str]:
    last = newest(world.tags)
    # Where there is a remote, a tag that never came there was of a release that was stopped.
    tagged = world.remote_tag_commit if world.remote else world.tag_commit
    if tagged and tagged != world.head:
        finish = f"or check out {tag_name(version)} to finish it"
        yield f"{version} is released, of commit {tagged[:12]}: name a newer --version, {finish}"
    elif last and version_key(version) < version_key(last):
        yield f"{version} is not newer than {last}: name a newer --version"
    if not tagged and not world.entry:
        yield f"CHANGELOG.md says nothing of {version}: write what has changed below `## [Unreleased]`"


def _of_images(world: ReleaseState) -> Iterator[str]:
    if world.unlocked:
        yield world.unlocked
    if world.unbuilt:
        yield f"not built: {', '.join(world.unbuilt)}: `invoke build`, then `nox -s test_images`"
    if world.untested:
        yield f"not tested: {', '.join(world.untested)}: `nox -s test_images`"


def _committed(world: ReleaseState, version: str) -> bool:
    return world.declared == version and world.heading


def plan(world: ReleaseState, version: str) -> list[Planned]:
    """The steps of a release, each to be done or not, and why."""
    tag, committed = tag_name(version), _committed(world, version)
    published = world.remote_has_head and committed
    tagged = world.tag_commit == world.head and committed
    at_remote = world.remote_tag_commit is not None
    there = "the registry has them all"
    moves = "CHANGELOG.md has no heading for it" if world.declared == version else f"{world.declared} → {version}"
    rows = [
        (Step.COMMIT, committed, f"component.yaml says {version}", moves),
        (Step.PUBLISH, published, f"{world.branch} has it", f"to {world.branch}"),
        (Step.TAG, tagged, f"{tag} is there", tag),
        (Step.PUSH_TAG, at_remote, f"{tag} is there", tag),
        (Step.IMAGES, not world.unpushed, there, f"{len(world.unpushed)} that the registry does not have"),
        (Step.NOTES, world.notes_written, "as they would be written", "combinations, digests, changes"),
        (Step.GITOPS, bool(world.gitops), world.gitops, "the images of this release"),
    ]
    return [_planned(world, step, done=done, why=why, what=what) for step, done, why, what in rows]


def _planned(world: ReleaseState, step: Step, *, done: bool, why: str, what: str) -> Planned:
    if step in (Step.PUBLISH, Step.PUSH_TAG) and not world.remote:
        return Planned(step=step, run=False, reason="there is no remote to push to")
    return Planned(step=step, run=not done, reason=why if done else what)
