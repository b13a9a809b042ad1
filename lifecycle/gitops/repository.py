"""The GitOps repository of a checkout. It is created if component.yaml names a missing path below `build/`."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.config.component import Component
from lifecycle.config.gitops import GitOps, NodePools
from lifecycle.errors import UsageError
from lifecycle.gitops.git import Remote, create_repository, find_mentioned, remote
from lifecycle.gitops.settings import Setting, add_path, initial_files, written
from lifecycle.tools.paths import expand
from lifecycle.yamledit.key_path import KeyPath, Match

# The folder of the checkout where a repository for trials is created.
TRIALS = "build"


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


class RepositoryNotFoundError(UsageError):
    """A relative path without a repository, outside the folder for trials."""

    def __init__(self, repository: str) -> None:
        super().__init__(
            f"component.yaml: gitops.repository: {repository} does not exist: create it with `git init --bare`, correct the "
            f"path, or name one below {TRIALS}/, which is created on first use"
        )


def repository_exists(root: Path, section: GitOps) -> bool:
    """Return whether the repository exists. Only one below `build/` may not exist yet: it is created on first use."""
    return not _is_ours(section) or (root / section.repository).exists()


def values_branch(component: Component) -> str:
    """Return our own branch, on which the values of a version are proposed."""
    return f"{component.short_name}/values-{component.version}"


@contextmanager
def open_repository(
    session: Session, section: GitOps, wanted: Iterable[Setting], *, dry_run: bool = False
) -> Iterator[Remote]:
    """Yield the repository, ready to be cloned. A missing path below `build/` is created, with all wanted keys.

    In a dry run it is created in a temporary folder instead. Raises GitRefusedError, PlainTokenError, RepositoryNotFoundError,
    BadPathError.
    """
    if not _is_path(section.repository):
        yield remote(section.repository, session.environ)
        return
    declared = expand(section.repository, name="component.yaml: gitops.repository")
    path = session.root / declared
    with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as scratch:
        if not repository_exists(session.root, section):
            path = Path(scratch) / "trial.git" if dry_run else path
            files = {**initial_files(wanted), **_pool_files(section.pools)}
            create_repository(remote(str(path), session.environ), path, section.branch, files, Path(scratch))
            verb = "would create" if dry_run else "created"
            session.progress.say(f"{verb} {section.repository}, a repository for trials")
        elif not path.exists() and not declared.is_absolute():
            raise RepositoryNotFoundError(section.repository)
        yield remote(str(path), session.environ)


def find_gitops_references(session: Session, words: Sequence[str]) -> set[str]:
    """Return those digests and tags that a branch of the repository names. Raises GitRefusedError, PlainTokenError."""
    section = session.project.component.gitops
    if section is None or not repository_exists(session.root, section):
        return set()
    with (
        tempfile.TemporaryDirectory(prefix="nvidia-installer-") as scratch,
        open_repository(session, section, []) as there,
    ):
        return find_mentioned(there, words, Path(scratch))


def _is_path(address: str) -> bool:
    """Return whether git reads an address as a path (git-clone(1), "GIT URLS")."""
    return "://" not in address and ":" not in address.partition("/")[0]


def _is_ours(section: GitOps) -> bool:
    """Return whether an address is a path below `build/` in the checkout. Only there is a missing repository created."""
    first, *rest = Path(section.repository).parts or ("",)
    return _is_path(section.repository) and first == TRIALS and bool(rest) and ".." not in rest


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
