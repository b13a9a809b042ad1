"""Packages without an index: .deb files in a folder or a container, known by their names and by what they say themselves."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from debian.deb822 import PkgRelation
from debian.debian_support import Version

from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.errors import InstallerError
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.tools.deb import UnreadablePackageError
from lifecycle.tools.process import ProgramFailedError, run

# dpkg-name(1), "package_version_architecture.deb"; a colon is escaped by apt, and left out by others.
_DEB = re.compile(r"(?P<package>[a-z0-9][a-z0-9.+-]+)_(?P<version>[^_/]+)_(?P<architecture>[a-z0-9-]+)\.deb")


class OtherPackageError(InstallerError):
    """A .deb file that is not the package that its name says."""

    def __init__(self, origin: str, said: str) -> None:
        super().__init__(
            f"{origin} is another package than its name says: {said}",
            resolution="Give the file its right name (dpkg-name does), or put the right file there.",
        )


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A .deb file by its name; `origin` is where it lies, as the lock writes it."""

    package: str
    version: str
    architecture: str
    origin: str


def parse_debs(origins: Iterable[str], architecture: Architecture) -> list[Deb]:
    """The packages among files, for one architecture or for all; other files are none of our business."""
    found = []
    for origin in origins:
        match = _DEB.fullmatch(origin.rpartition("/")[2])
        if match and match["architecture"] in (architecture, "all"):
            version = unquote(match["version"])
            deb = Deb(package=match["package"], version=version, architecture=match["architecture"], origin=origin)
            found.append(deb)
    return found


class DebFolderIndex:
    """The packages that lie somewhere. `get` brings one here and returns what the lock is to say of it, `path` its file."""

    def __init__(
        self, name: str, debs: Sequence[Deb], *, get: Callable[[Deb], LockedFile], path: Callable[[LockedFile], Path]
    ) -> None:
        self.name = name
        self._debs = debs
        self._get = get
        self._path = path
        self._here: dict[str, LockedFile] = {}

    def names(self, prefix: str) -> list[str]:
        """The names of packages that begin with a prefix."""
        return sorted({deb.package for deb in self._debs if deb.package.startswith(prefix)})

    def versions(self, package: str) -> list[str]:
        """All versions of a package, newest first by Debian's order; empty if there is none."""
        found = {deb.version for deb in self._debs if deb.package == package}
        return sorted(found, key=Version, reverse=True)

    def depends(self, package: str, version: str) -> list[str]:
        """The names of the packages that a version depends on, the first of each set of alternatives."""
        said = run(["dpkg-deb", "--field", str(self._path(self._file(package, version))), "Depends"]).strip()
        return [str(alternatives[0]["name"]) for alternatives in PkgRelation.parse_relations(said)] if said else []

    def locate(self, packages: Iterable[tuple[str, str]]) -> list[LockedFile]:
        """The files of exact (package, version) pairs, in their order; raises PackageLackingError."""
        return [self._file(package, version) for package, version in packages]

    def _file(self, package: str, version: str) -> LockedFile:
        deb = next((deb for deb in self._debs if (deb.package, deb.version) == (package, version)), None)
        if deb is None:
            raise PackageNotFoundError(package, version, self.name, self.versions(package))
        if deb.origin not in self._here:
            file = self._get(deb)
            self._check(deb, self._path(file))
            self._here[deb.origin] = file
        return self._here[deb.origin]

    def _check(self, deb: Deb, path: Path) -> None:
        try:
            said = run(["dpkg-deb", "--showformat=${Package} ${Version} ${Architecture}", "--show", str(path)]).strip()
        except ProgramFailedError as error:
            raise UnreadablePackageError(deb.origin, error.output) from error
        package, version, architecture = said.split(" ")
        # File names leave out an epoch.
        if (package, version.rpartition(":")[2], architecture) != (
            deb.package,
            deb.version.rpartition(":")[2],
            deb.architecture,
        ):
            raise OtherPackageError(deb.origin, f"it is {package} {version} for {architecture}")
