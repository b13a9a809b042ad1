"""The package index of a folder or a container of .deb files, read from the files' names and control fields."""

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

# dpkg-name(1), "package_version_architecture.deb". apt escapes the colon of an epoch; others omit the epoch.
_DEB_NAME = re.compile(r"(?P<package>[a-z0-9][a-z0-9.+-]+)_(?P<version>[^_/]+)_(?P<architecture>[a-z0-9-]+)\.deb")


class MisnamedPackageError(InstallerError):
    """A .deb file whose control fields differ from its name."""

    def __init__(self, origin: str, actual: str) -> None:
        super().__init__(
            f"{origin} is not the package in its name: {actual}",
            resolution="Rename the file (see dpkg-name), or replace it with the right one.",
        )


@dataclass(frozen=True, kw_only=True)
class DebFile:
    """A .deb file, described by its name. `origin` is its location, as versions.lock writes it."""

    package: str
    version: str
    architecture: str
    origin: str


def parse_debs(origins: Iterable[str], architecture: Architecture) -> list[DebFile]:
    """Return the .deb files for an architecture, or for all of them, among other files."""
    found = []
    for origin in origins:
        match = _DEB_NAME.fullmatch(origin.rpartition("/")[2])
        if match and match["architecture"] in (architecture, "all"):
            version = unquote(match["version"])
            deb = DebFile(package=match["package"], version=version, architecture=match["architecture"], origin=origin)
            found.append(deb)
    return found


class DebFolderIndex:
    """The packages in a folder or container, for one architecture.

    `download` brings a file into the cache and returns its entry for versions.lock; `path` returns the path of such an entry.
    """

    def __init__(
        self,
        name: str,
        debs: Sequence[DebFile],
        *,
        download: Callable[[DebFile], LockedFile],
        path: Callable[[LockedFile], Path],
    ) -> None:
        self.name = name
        self._debs = debs
        self._download = download
        self._path = path
        self._downloaded: dict[str, LockedFile] = {}

    def names(self, prefix: str) -> list[str]:
        """Return the sorted names of the packages that begin with a prefix."""
        return sorted({deb.package for deb in self._debs if deb.package.startswith(prefix)})

    def versions(self, package: str) -> list[str]:
        """Return all versions of a package, newest first in Debian's order; [] if there is none."""
        found = {deb.version for deb in self._debs if deb.package == package}
        return sorted(found, key=Version, reverse=True)

    def depends(self, package: str, version: str) -> list[str]:
        """Return the names of a version's dependencies, of alternatives the first. Downloads the package. Raises as `locate`."""
        field = run(["dpkg-deb", "--field", str(self._path(self._file(package, version))), "Depends"]).strip()
        return [str(alternatives[0]["name"]) for alternatives in PkgRelation.parse_relations(field)] if field else []

    def locate(self, packages: Iterable[tuple[str, str]]) -> list[LockedFile]:
        """Download exact (package, version) pairs, and return their files in the same order.

        Raises PackageNotFoundError, MisnamedPackageError, UnreadablePackageError, and what `download` raises.
        """
        return [self._file(package, version) for package, version in packages]

    def _file(self, package: str, version: str) -> LockedFile:
        deb = next((deb for deb in self._debs if (deb.package, deb.version) == (package, version)), None)
        if deb is None:
            raise PackageNotFoundError(package, version, self.name, self.versions(package))
        if deb.origin not in self._downloaded:
            file = self._download(deb)
            self._check(deb, self._path(file))
            self._downloaded[deb.origin] = file
        return self._downloaded[deb.origin]

    def _check(self, deb: DebFile, path: Path) -> None:
        try:
            fields = run(
                ["dpkg-deb", "--showformat=${Package} ${Version} ${Architecture}", "--show", str(path)]
            ).strip()
        except ProgramFailedError as error:
            raise UnreadablePackageError(deb.origin, error.output) from error
        package, version, architecture = fields.split(" ")
        # File names omit the epoch.
        if (package, version.rpartition(":")[2], architecture) != (
            deb.package,
            deb.version.rpartition(":")[2],
            deb.architecture,
        ):
            raise MisnamedPackageError(deb.origin, f"it is {package} {version} for {architecture}")
