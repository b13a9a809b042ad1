"""`invoke bump-gitops`: set the values of published images in the GitOps repository."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from lifecycle.app.session import Session
from lifecycle.config.component import Component
from lifecycle.config.gitops import GitOps
from lifecycle.errors import InstallerError
from lifecycle.gitops.deliver import CommitProposal
from lifecycle.gitops.propose import ValuesChange, show, submit
from lifecycle.gitops.repository import open_repository, require_gitops, values_branch
from lifecycle.gitops.repository_files import Files
from lifecycle.gitops.settings import Change, Setting, edit, settings
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.publish.hold import require_agreement
from lifecycle.publish.published import PublishedImage, published_images


class NotPublishedError(InstallerError):
    """Combinations whose image is not in the registry."""

    def __init__(self, missing: Sequence[Combination]) -> None:
        super().__init__(
            "the registry does not have the images that clusters would be told of",
            details="\n".join(f"  {combination.id}" for combination in missing),
            resolution="Run `invoke push`, or narrow it with --only.",
        )


# ----- pure


def placeholder_values(component: Component, combination: Combination, published: PublishedImage) -> dict[str, str]:
    """Return the values of the placeholders of `gitops` for a combination."""
    return {
        "release": combination.release,
        "osVersion": combination.release.partition("-")[2],
        "channel": str(combination.channel),
        "architecture": str(combination.architecture),
        "kernel": combination.kernel,
        "driver": combination.driver,
        "branch": combination.branch,
        "image": f"{component.image.registry}/{component.image.repository}",
        "tag": published.tag,
        "digest": published.digest,
        "reference": published.reference,
        "version": component.version,
    }


def describe_changes(changes: Iterable[Change]) -> str:
    """Return the body of a commit message: each key with its old and new value, by file."""
    by_file: dict[str, list[Change]] = {}
    for change in changes:
        by_file.setdefault(change.file, []).append(change)
    lines = []
    for file, changed in by_file.items():
        lines.append(file)
        lines += [f"    {c.path}: {'(new)' if c.old is None else c.old} → {c.new}" for c in changed]
    return "\n".join(lines)


# ----- effects


def published(session: Session, combinations: Iterable[Combination]) -> dict[Combination, PublishedImage]:
    """Return the published images of combinations. Raises NotPublishedError if the registry lacks one."""
    found = published_images(session.locked_project, list(dict.fromkeys(combinations)), session.environ)
    missing = [combination for combination, image in found.items() if image is None]
    if missing:
        raise NotPublishedError(missing)
    return {combination: image for combination, image in found.items() if image is not None}


def required_settings(session: Session, section: GitOps, only: str) -> list[Setting]:
    """Return the wanted values of the selected combinations, from their published images.

    Raises NotPublishedError, HeldBackError, NothingSelectedError, ConflictingSettingsError.
    """
    project = session.locked_project
    matrix, component = project.matrix, project.component
    chosen = set(select(matrix, only))
    pairs = [(entry, c) for entry in section.values for c in select(matrix, entry.only) if c in chosen]
    images = published(session, [c for _, c in pairs])
    require_agreement(session, images)
    return settings((entry, c.id, placeholder_values(component, c, images[c])) for entry, c in pairs)


@contextmanager
def bump(session: Session, only: str = "", *, create: bool = False, dry_run: bool = False) -> Iterator[ValuesChange]:
    """Yield the change for the images of the selected combinations. A repository below `build/` is created for it.

    Raises NotPublishedError, HeldBackError, ConflictingSettingsError; the change itself raises what `edit` raises.
    """
    section, component = require_gitops(session), session.project.component
    wanted = required_settings(session, section, only)
    releases = ", ".join(dict.fromkeys(setting.names["release"] for setting in wanted))
    title = f"{component.short_name} {component.version} for {releases}"

    def make(files: Files) -> CommitProposal:
        edited = edit(wanted, files.read, existing=files.names, create=create)
        return CommitProposal(
            files=edited.files, title=title, body=describe_changes(edited.changes), changes=edited.changes
        )

    with open_repository(session, section, wanted, dry_run=dry_run) as remote:
        yield ValuesChange(section=section, remote=remote, branch=values_branch(component), make=make)


def show_bump(session: Session, only: str, *, create: bool, dry_run: bool, as_json: bool) -> None:
    """Submit the change, or only print it if `dry_run`. Raises what `bump` and `submit` raise."""
    with bump(session, only, create=create, dry_run=dry_run) as change:
        show(session, change, submit(session, change, dry_run=dry_run), as_json=as_json)
