"""What a release does, and what of it is still to do: read off the world, so that it goes on wherever it was stopped. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.errors import UsageError
from lifecycle.model.versions import version_key

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_TAG = re.compile(r"v(\d+\.\d+\.\d+)")


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
class World:
    """What there is before a step.

    `tags` are those of this checkout and the remote. Commits are None where there is none; `remote` is false where there is no remote,
    `on_branch` the checked out branch ("" for a commit alone). `unpushed`, `untested` and `unbuilt` are identifiers of combinations
    whose image the registry lacks: all of them; of these those whose tests have not passed; those that are not even built.
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


def problems(world: World, version: str) -> list[str]:
    """What stands against the release of a version, a sentence each with what to do."""
    found = []
    if world.changed:
        listed = ", ".join(line[3:] for line in world.changed[:5])
        found.append(f"the checkout has changes that are not committed: {listed}: commit or remove them")
    if world.on_branch not in ("", world.branch):
        found.append(f"{world.on_branch} is checked out: releases are made from {world.branch}")
    if world.remote_head and not world.head_has_remote and not (world.remote_has_head and _committed(world, version)):
        found.append(f"{world.branch} at the remote has commits that are not here: `git pull --rebase`")
    last = newest(world.tags)
    # Where there is a remote, a tag that never came there was of a release that was stopped.
    tagged = world.remote_tag_commit if world.remote else world.tag_commit
    if tagged and tagged != world.head:
        found.append(
            f"{version} is released, of commit {tagged[:12]}: name a newer --version, "
            f"or check out {tag_name(version)} to finish it"
        )
    elif last and version_key(version) < version_key(last):
        found.append(f"{version} is not newer than {last}: name a newer --version")
    if not tagged and not world.entry:
        found.append(f"CHANGELOG.md says nothing of {version}: write what has changed below `## [Unreleased]`")
    if world.unlocked:
        found.append(world.unlocked)
    if world.unbuilt:
        found.append(f"not built: {', '.join(world.unbuilt)}: `invoke build`, then `nox -s test_images`")
    if world.untested:
        found.append(f"not tested: {', '.join(world.untested)}: `nox -s test_images`")
    return found


def _committed(world: World, version: str) -> bool:
    return world.declared == version and world.heading


def plan(world: World, version: str) -> list[Planned]:
    """The steps of a release, each to be done or not, and why."""
    tag, committed = tag_name(version), _committed(world, version)
    no_remote = "there is no remote to push to"
    published = world.remote_has_head and committed
    tagged = world.tag_commit == world.head and committed
    at_remote = world.remote_tag_commit is not None
    images = f"{len(world.unpushed)} that the registry does not have" if world.unpushed else "the registry has them all"
    rows = [
        (Step.COMMIT, not committed, f"{world.declared} → {version}" if not committed else f"component.yaml says {version}"),
        (Step.PUBLISH, world.remote and not published, no_remote if not world.remote else f"{world.branch} has it" if published else f"to {world.branch}"),
        (Step.TAG, not tagged, f"{tag} is there" if tagged else tag),
        (Step.PUSH_TAG, world.remote and not at_remote, no_remote if not world.remote else f"{tag} is there" if at_remote else tag),
        (Step.IMAGES, bool(world.unpushed), images),
        (Step.NOTES, not world.notes_written, "as they would be written" if world.notes_written else "combinations, digests, changes"),
        (Step.GITOPS, not world.gitops, world.gitops or "the images of this release"),
    ]  # fmt: skip
    return [Planned(step=step, run=run, reason=reason) for step, run, reason in rows]
