"""What every source of packages answers, whatever its kind."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from lifecycle.config.lock import LockedFile
from lifecycle.errors import UsageError


class PackageNotFoundError(UsageError):
    """A package, or a version of one, that a source does not carry."""

    def __init__(self, package: str, version: str, source: str, known: Sequence[str]) -> None:
        what = f"{package} {version}".strip()
        offer = f"it has {', '.join(known)}" if known else "it has no version of it"
        super().__init__(
            f"the archive of {source} does not carry {what}: {offer}",
            resolution="Name a version that it carries in component.yaml, then run `invoke fetch`.",
        )


class PackageIndex(Protocol):
    """The packages of one source for one architecture."""

    @property
    def name(self) -> str:
        """The source, for people."""

    def names(self, prefix: str) -> list[str]:
        """The names of packages that begin with a prefix."""

    def versions(self, package: str) -> list[str]:
        """All versions of a package, newest first by Debian's order; empty if there is none."""

    def depends(self, package: str, version: str) -> list[str]:
        """The names of the packages that a version depends on, the first of each set of alternatives."""

    def locate(self, packages: Iterable[tuple[str, str]]) -> list[LockedFile]:
        """The files of exact (package, version) pairs, in their order; raises PackageLackingError."""
