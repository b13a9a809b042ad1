"""The plan of a release. It is derived from what exists, so that a stopped release continues with the missing steps. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.config.versions import version_key
from lifecycle.errors import UsageError

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_TAG = re.compile(r"v([0-9]+\.[0-9]+\.[0-9]+)")


class Step(StrEnum):
    """The steps of a release, in their order."""

    COMMIT = "commit the version"
    PUBLISH = "push the commit"
    TAG = "tag"
    PUSH_TAG = "push the tag"
    IMAGES = "push the images"
    CHART = "push the chart"
    NOTES = "write the notes"
    FORGE = "publish the release"
    GITOPS = "bump the values"


@dataclass(frozen=True, kw_only=True)
class ForgeState:
    """The state of a release's page at the code forge.

    `done` is why nothing is to do there, or "", and `what` is what is to do. `problem` is why it cannot be done, or "".
    """

    done: str = ""
    what: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ReleaseState:
    """The state from which the steps of a release are planned.

    `tags` are those of the checkout and the remote. `remote` is False without a remote. Commits that do not exist are None.
    `on_branch` is "" for a detached HEAD. `unpushed` has the combinations whose image the registry lacks; `untested` and `unbuilt`
    are those of them whose tests have not passed, or that are not built. `held` are in the registry, but wait for the second
    builder. `chart` is the digest of the checkout's chart, and `registry_chart` that of its version in the registry. `gitops` is
    why nothing is to do there, or "". `forge` is the page of the release.
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
    held: tuple[str, ...]
    chart: str
    registry_chart: str | None
    notes_written: bool
    forge: ForgeState
    gitops: str


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A step, whether it has to run, and why."""

    step: Step
    run: bool
    reason: str


class ReleaseBlockedError(UsageError):
    """Problems that block a release, one line each. Nothing was done."""

    def __init__(self, version: str, problems: Sequence[str]) -> None:
        super().__init__(f"{version} cannot be released:\n" + "\n".join(f"  {problem}" for problem in problems))


class BadVersionError(UsageError):
    """A malformed version of an option."""

    def __init__(self, version: str, option: str) -> None:
        super().__init__(f"{option} {version!r}: write three numbers, such as 1.2.0")


def tag_name(version: str) -> str:
    """Return the git tag of a version."""
    return f"v{version}"


def newest(tags: Sequence[str], *, below: str = "") -> str | None:
    """Return the newest tagged version, or the newest one older than `below`. None if there is none."""
    versions = [match[1] for tag in tags if (match := _TAG.fullmatch(tag))]
    older = [version for version in versions if not below or version_key(version) < version_key(below)]
    return max(older, key=version_key, default=None)


def checked_version(version: str, option: str = "--version") -> str:
    """Return a version if it is well-formed. Raises BadVersionError, which names the option."""
    if not _VERSION.fullmatch(version):
        raise BadVersionError(version, option)
    return version


def problems(state: ReleaseState, version: str) -> list[str]:
    """Return the problems that block a release, each a sentence with what to do."""
    page = [state.forge.problem] if state.forge.problem else []
    return [*_checkout_problems(state, version), *_version_problems(state, version), *_image_problems(state), *page]


def _checkout_problems(state: ReleaseState, version: str) -> Iterator[str]:
    if state.changed:
        listed = ", ".join(line[3:] for line in state.changed[:5])
        yield f"the checkout has changes that are not committed: {listed}: commit or remove them"
    if state.on_branch not in ("", state.branch):
        yield f"{state.on_branch} is checked out: releases are made from {state.branch}"
    published = state.remote_has_head and _committed(state, version)
    if state.remote_head and not state.head_has_remote and not published:
        yield f"{state.branch} at the remote has commits that are not here: `git pull --rebase`"


def _version_problems(state: ReleaseState, version: str) -> Iterator[str]:
    last = newest(state.tags)
    # A tag that the remote lacks is that of a stopped release.
    tagged = state.remote_tag_commit if state.remote else state.tag_commit
    if tagged and tagged != state.head:
        finish = f"or check out {tag_name(version)} to finish it"
        yield f"{version} is released, of commit {tagged[:12]}: name a newer --version, {finish}"
    elif last and version_key(version) < version_key(last):
        yield f"{version} is not newer than {last}: name a newer --version"
    if state.registry_chart not in (None, state.chart):
        yield f"the registry has another chart {version}, {state.registry_chart}: name a newer --version"
    if not tagged and not state.entry:
        yield f"CHANGELOG.md has no entry for {version}: write what has changed below `## [Unreleased]`"


def _image_problems(state: ReleaseState) -> Iterator[str]:
    if state.unlocked:
        yield state.unlocked
    if state.unbuilt:
        yield f"not built: {', '.join(state.unbuilt)}: `invoke build`, then `nox -s test_images`"
    if state.untested:
        yield f"not tested: {', '.join(state.untested)}: `nox -s test_images`"


def _committed(state: ReleaseState, version: str) -> bool:
    return state.declared == version and state.heading


def plan(state: ReleaseState, version: str) -> list[Planned]:
    """Return the steps of a release, each with whether it has to run, and why."""
    tag, committed = tag_name(version), _committed(state, version)
    published = state.remote_has_head and committed
    tagged = state.tag_commit == state.head and committed
    at_remote = state.remote_tag_commit is not None
    there, there_chart = "the registry has them all", f"the registry has {version}"
    moves = "CHANGELOG.md has no heading for it" if state.declared == version else f"{state.declared} → {version}"
    rows = [
        (Step.COMMIT, committed, f"component.yaml says {version}", moves),
        (Step.PUBLISH, published, f"{state.branch} has it", f"to {state.branch}"),
        (Step.TAG, tagged, f"{tag} is there", tag),
        (Step.PUSH_TAG, at_remote, f"{tag} is there", tag),
        (Step.IMAGES, not state.unpushed and not state.held, there, _images_to_push(state)),
        (Step.CHART, state.registry_chart == state.chart, there_chart, f"{version}, {state.chart[:19]}"),
        (Step.NOTES, state.notes_written, "as they would be written", "combinations, digests, changes"),
        (Step.FORGE, bool(state.forge.done), state.forge.done, state.forge.what),
        (Step.GITOPS, bool(state.gitops), state.gitops, "the images of this release"),
    ]
    return [_planned(state, step, done=done, why=why, what=what) for step, done, why, what in rows]


def _images_to_push(state: ReleaseState) -> str:
    counts = [(state.unpushed, "that the registry lacks"), (state.held, "that wait for the second builder")]
    return ", ".join(f"{len(images)} {what}" for images, what in counts if images)


def _planned(state: ReleaseState, step: Step, *, done: bool, why: str, what: str) -> Planned:
    if step in (Step.PUBLISH, Step.PUSH_TAG) and not state.remote:
        return Planned(step=step, run=False, reason="there is no remote to push to")
    return Planned(step=step, run=not done, reason=why if done else what)
