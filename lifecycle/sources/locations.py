"""Origins of files, as versions.lock writes them, and their addresses on this machine.

Debian/pool/main/…         a file of an APT archive, by the archive's label, or by its address if component.yaml has one
swift:container/object     an object in OpenStack Swift
file:inputs/a.deb          a file; a relative path is below the checkout
https://…                  a URL
"""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.sources.apt.machine import MachineArchives, UndeclaredOriginError
from lifecycle.sources.swift import SWIFT, SwiftSession, split_location
from lifecycle.sources.transfer import Address

FILE = "file:"
_URL_SCHEMES = ("https://", "http://")


def origin_of(location: str) -> str:
    """Return the origin of a location in component.yaml: a URL, `swift:container/object`, or a path."""
    if location.startswith((*_URL_SCHEMES, SWIFT)):
        return location
    return FILE + location.removeprefix("file://")


def is_url(location: str) -> bool:
    """Return whether a location is an http or https URL, which has no list of files."""
    return location.startswith(_URL_SCHEMES)


def glob_template(path: Path) -> list[Path]:
    """Return the sorted files and folders that match an absolute path in which `{version}` stands for any text."""
    parts = [glob.escape(part) for part in str(path.relative_to("/")).split("{version}")]
    return sorted(Path("/").glob("*".join(parts)))


@dataclass(frozen=True, kw_only=True)
class InputLocations:
    """The locations that component.yaml declares, as seen from this machine. `root` is the checkout."""

    root: Path
    machine: MachineArchives
    swift: SwiftSession
    repositories: Sequence[AptRepository]

    def address(self, origin: str) -> Address:
        """Return the address of an origin that apt does not download.

        Raises UndeclaredOriginError for a name of an archive, and SwiftRequestError if signing in to Swift fails.
        """
        if origin.startswith(SWIFT):
            return self.swift.address(*split_location(origin))
        if origin.startswith(FILE):
            return Address(uri=f"{FILE}//{quote(str(self.path(origin)))}")
        if origin.startswith(_URL_SCHEMES):
            return Address(uri=origin)
        raise UndeclaredOriginError(origin)

    def path(self, origin: str) -> Path:
        """Return the path of a `file:` origin."""
        return self.root / origin.removeprefix(FILE)
