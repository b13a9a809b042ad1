"""From an origin, as versions.lock writes it, to an address on this machine, and from component.yaml to an origin.

Debian/pool/main/…         an APT archive by its label, or by its address where component.yaml gives one
swift:container/object     an object in OpenStack Swift
file:inputs/a.deb          a file; a relative path is below the checkout
https://…                  itself
"""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lifecycle.config.sources import AptRepository
from lifecycle.sources.apt_machine import MachineArchives
from lifecycle.sources.swift import SWIFT, SwiftSession, split_location
from lifecycle.sources.transfer import Address

FILE = "file:"
_WEB = ("https://", "http://")


def origin_of(location: str) -> str:
    """The origin of a location in component.yaml: an address, `swift:container/object`, or a path."""
    if location.startswith((*_WEB, SWIFT)):
        return location
    return FILE + location.removeprefix("file://")


def is_web(location: str) -> bool:
    """Whether a location is an address on the web, which cannot be listed."""
    return location.startswith(_WEB)


def files_like(path: Path) -> list[Path]:
    """The files and folders whose absolute path has the form of a template with `{version}` in it."""
    parts = [glob.escape(part) for part in str(path.relative_to("/")).split("{version}")]
    return sorted(Path("/").glob("*".join(parts)))


@dataclass(frozen=True, kw_only=True)
class InputLocations:
    """All that component.yaml names, as it is seen from this machine; `root` is the checkout."""

    root: Path
    machine: MachineArchives
    swift: SwiftSession
    repositories: Sequence[AptRepository]

    def address(self, origin: str) -> Address:
        """Where a file is to be had; raises ForeignOriginError, and what signing in to Swift raises."""
        if origin.startswith(SWIFT):
            return self.swift.address(*split_location(origin))
        if origin.startswith(FILE):
            return Address(uri=f"{FILE}//{quote(str(self.path(origin)))}")
        if any(origin.startswith(f"{repository.label}/") for repository in self.repositories):
            return Address(uri=self.machine.address(origin, self.repositories))
        if origin.startswith(_WEB):
            return Address(uri=origin)
        return Address(uri=self.machine.address(origin, self.repositories))

    def path(self, origin: str) -> Path:
        """The path of an origin that is a file."""
        return self.root / origin.removeprefix(FILE)
