"""The interface of a package index, whatever the kind of its source."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from lifecycle.config.lock import LockedFile
from lifecycle.errors import UsageError


class PackageNotFoundError(UsageError):
    """A package, or a version of it, that a source does not have."""

    def __init__(self, package: str, version: str, source: str, known: Sequence[str]) -> None:
        wanted = f"{package} {version}".strip()
        offer = f"it has {', '.join(known)}" if known else "it has no version of it"
        super().__init__(
            f"the archive of {source} does not carry {wanted}: {offer}",
            resolution="Name a version that it carries in component.yaml, then run `invoke fetch`.",
        )


class PackageIndex(Protocol):
    """The packages of one source for one architecture."""

    @property
    def name(self) -> str:
        """The name of the source in messages."""

    def names(self, prefix: str) -> list[str]:
        """Return the sorted names of the packages that begin with a prefix."""

    def versions(self, package: str) -> list[str]:
        """Return all versions of a package, newest first in Debian's order; [] if there is none."""

    def depends(self, package: str, version: str) -> list[str]:
        """Return the names of a version's dependencies, of alternatives the first. Raises PackageNotFoundError."""

    def locate(self, packages: Iterable[tuple[str, str]]) -> list[LockedFile]:
        """Return the files of exact (package, version) pairs, in the same order. Raises PackageNotFoundError."""
