"""The GitOps repository of a checkout. It is created if component.yaml names a missing path inside the checkout."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.config.component import Component
from lifecycle.config.gitops import GitOps, NodePools
from lifecycle.errors import UsageError
from lifecycle.gitops.git import Remote, create_repository, find_mentioned, remote
from lifecycle.gitops.settings import Setting, add_path, initial_files, written
from lifecycle.yamledit.key_path import KeyPath, Match


class NoGitOpsError(UsageError):
    """A component.yaml without a GitOps repository."""

    def __init__(self) -> None:
        super().__init__("component.yaml has no `gitops`: add it as docs/how-to/gitops.md describes")


def require_gitops(session: Session) -> GitOps:
    """Return the section `gitops` of component.yaml. Raises NoGitOpsError."""
    section = session.project.component.gitops
    if section is None:
        raise NoGitOpsError
    return section


def repository_exists(root: Path, section: GitOps) -> bool:
    """Return whether the repository exists. Only one inside the checkout may not exist yet: it is created on first use."""
    return not _is_ours(section) or (root / section.repository).exists()


def values_branch(component: Component) -> str:
    """Return our own branch, on which the values of a version are proposed."""
    return f"{component.short_name}/values-{component.version}"


def open_repository(session: Session, section: GitOps, wanted: Iterable[Setting]) -> Remote:
    """Return the repository, ready to be cloned. A missing path inside the checkout is created, with all wanted keys.

    Raises GitRefusedError, PlainTokenError.
    """
    if not _is_path(section.repository):
        return remote(section.repository, session.environ)
    path = session.root / Path(section.repository).expanduser()
    there = remote(str(path), session.environ)
    if not repository_exists(session.root, section):
        files = {**initial_files(wanted), **_pool_files(section.pools)}
        with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as scratch:
            create_repository(there, path, section.branch, files, Path(scratch))
        session.progress.say(f"created {section.repository}, a repository for trials")
    return there


def find_gitops_references(session: Session, words: Sequence[str]) -> set[str]:
    """Return those digests and tags that a branch of the repository names. Raises GitRefusedError, PlainTokenError."""
    section = session.project.component.gitops
    if section is None or not repository_exists(session.root, section):
        return set()
    with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as scratch:
        return find_mentioned(open_repository(session, section, []), words, Path(scratch))


def _is_path(address: str) -> bool:
    """Return whether git reads an address as a path (git-clone(1), "GIT URLS")."""
    return "://" not in address and ":" not in address.partition("/")[0]


def _is_ours(section: GitOps) -> bool:
    """Return whether an address is a path inside the checkout. Only there is a missing repository created."""
    return _is_path(section.repository) and not Path(section.repository).expanduser().is_absolute()


def _pool_files(sections: Iterable[NodePools]) -> Mapping[str, str]:
    """Return a cluster with one pool for each section, in the form of Gardener's Shoot."""
    trees: dict[str, dict[str, object]] = {}
    for section in sections:
        name = section.match.replace("*", "").rstrip("-") or "gpu"
        item = Match((("name", f"{name}-v1"),))
        for keys in section.set:
            path = KeyPath((*KeyPath.parse(section.workers).segments, item)) + KeyPath.parse(keys)
            add_path(trees.setdefault(section.file.replace("*", "example"), {}), path)
    return written(trees)
