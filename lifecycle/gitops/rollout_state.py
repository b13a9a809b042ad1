"""The state of combinations in the GitOps repository: merged, proposed on our own branch, and their node pools."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.config.gitops import GitOps
from lifecycle.errors import UsageError
from lifecycle.gitops.bump_values import placeholder_values
from lifecycle.gitops.git import Clone
from lifecycle.gitops.node_pools import find_pools
from lifecycle.gitops.repository import open_repository, repository_exists, values_branch
from lifecycle.gitops.repository_files import Files
from lifecycle.gitops.settings import settings
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.publish.published import PublishedImage
from lifecycle.yamledit.values_file import ValuesFile

UNKNOWN, UNDECLARED, MERGED, PROPOSED = "unknown", "not declared", "merged", "proposed"


@dataclass(frozen=True, kw_only=True)
class Place:
    """The state of a combination: MERGED, PROPOSED, UNDECLARED, UNKNOWN or "". `branch` is our own, to be merged."""

    gitops: str
    branch: str = ""
    pools: tuple[str, ...] = ()
    wants_pool: bool = False


@dataclass(frozen=True)
class BranchFiles:
    """The files of a branch. Each file is read once, and each pattern is searched once."""

    files: Files
    _read: dict[str, ValuesFile | None] = field(default_factory=dict)
    _found: dict[str, list[str]] = field(default_factory=dict)

    def file(self, name: str) -> ValuesFile | None:
        """Return a file, or None if it does not exist. Raises NotTextError, LinkedFileError."""
        if name not in self._read:
            text = self.files.read(name)
            self._read[name] = None if text is None else ValuesFile(text, name)
        return self._read[name]

    def names(self, pattern: str) -> list[str]:
        """Return the names of the files that match a pattern."""
        if pattern not in self._found:
            self._found[pattern] = [name for name in self.files.names if fnmatchcase(name, pattern)]
        return self._found[pattern]


@dataclass(frozen=True, kw_only=True)
class Values:
    """The GitOps repository of a project: the branch that clusters follow, and our own branch, if it exists."""

    project: LockedProject
    section: GitOps
    branch: str
    merged: BranchFiles
    proposed: BranchFiles | None
    _selected: dict[str, frozenset[str]] = field(default_factory=dict)

    def place(self, combination: Combination, there: PublishedImage) -> Place:
        """Return the state of a combination with a published image. Raises NothingSelectedError for a selector of `gitops`."""
        names = placeholder_values(self.project.component, combination, there)
        merged = self._has_all(combination, names, self.merged)
        proposed = self.proposed is not None and self._has_all(combination, names, self.proposed)
        pools = self._pools(names)
        return Place(
            gitops=MERGED if merged else PROPOSED if proposed else "",
            branch=self.branch,
            pools=pools,
            wants_pool=not pools and any(self._selects(p.only, combination) for p in self.section.pools),
        )

    def _selects(self, only: str, combination: Combination) -> bool:
        if only not in self._selected:
            self._selected[only] = frozenset(c.id for c in select(self.project.matrix, only))
        return combination.id in self._selected[only]

    def _has_all(self, combination: Combination, names: Mapping[str, str], tree: BranchFiles) -> bool:
        """Return whether a branch has all values of a combination. A combination that sets no value is in no file."""
        entries = [entry for entry in self.section.values if self._selects(entry.only, combination)]
        wanted = settings((entry, combination.id, names) for entry in entries)
        try:
            files = [(tree.file(setting.file), setting) for setting in wanted]
            return bool(files) and all(f is not None and f.holds(setting.path, setting.value) for f, setting in files)
        except UsageError:
            return False

    def _pools(self, names: Mapping[str, str]) -> tuple[str, ...]:
        """Return the pools that run the image with these placeholders."""
        found = []
        for pools in self.section.pools:
            for name in self.merged.names(pools.file):
                try:
                    running = find_pools(self.merged.file(name) or ValuesFile("", name), pools, names)
                except UsageError:
                    continue
                found += [pool.name for pool in running if not pool.changes]
        return tuple(found)


def read_values(session: Session, section: GitOps, scratch: Path) -> Values | None:
    """Clone the repository into an empty folder; None if it does not exist yet. Raises GitRefusedError, PlainTokenError."""
    if not repository_exists(session.root, section):
        return None
    branch = values_branch(session.project.component)
    with open_repository(session, section, []) as remote:
        merged = Clone.of(remote, section.branch, scratch / "merged")
        proposed = Clone.of(remote, branch, scratch / "proposed") if merged.fetch(branch) else None
    return Values(
        project=session.locked_project,
        section=section,
        branch=branch,
        merged=_tree(merged),
        proposed=_tree(proposed) if proposed else None,
    )


def _tree(clone: Clone) -> BranchFiles:
    return BranchFiles(Files(clone.folder, tuple(clone.files())))
