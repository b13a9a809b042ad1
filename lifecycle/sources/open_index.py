"""The index of a source of packages, whatever its kind; each is opened once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources import AptSource, PackageSource, SwiftSource
from lifecycle.errors import UsageError
from lifecycle.sources.apt import AptIndex
from lifecycle.sources.deb_folder import Deb, DebFolderIndex, parse_debs
from lifecycle.sources.download import NewFile, download_new
from lifecycle.sources.locations import FILE, InputLocations
from lifecycle.sources.package_index import PackageIndex
from lifecycle.sources.swift import SWIFT, split_location


class NoFolderError(UsageError):
    """A folder of packages that is not there."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"component.yaml: there is no folder {path!r}, which a source of kind directory names: make it"
        )


@dataclass(frozen=True, kw_only=True)
class PackageIndexes:
    """Opens sources with the hands it is given: the cache, and the places as they are seen from here.

    apt's private lists, in the cache, are brought up to date once in the life of this.
    """

    cache: Cache
    locations: InputLocations
    _apt: dict[str, AptIndex] = field(default_factory=dict)
    _flat: dict[str, DebFolderIndex] = field(default_factory=dict)

    def of(self, source: PackageSource, architecture: Architecture) -> PackageIndex:
        """The index of a source; raises NoFolderError, NoContainerError, and what signing in to Swift raises."""
        if isinstance(source, AptSource):
            return self.apt(source, architecture)
        key = f"{source!r} {architecture}"
        if key not in self._flat:
            listed = self._swift(source) if isinstance(source, SwiftSource) else self._folder(source.path)
            self._flat[key] = DebFolderIndex(
                f"{source.kind} {source.container if isinstance(source, SwiftSource) else source.path}",
                parse_debs(listed, architecture),
                get=self._get,
                path=lambda file: self.cache.blob(file.sha256),
            )
        return self._flat[key]

    def apt(self, source: AptSource, architecture: Architecture) -> AptIndex:
        """The index of a source whose dependencies apt can resolve."""
        folder = source.lists(architecture)
        if folder not in self._apt:
            self._apt[folder] = AptIndex(
                name=source.suites,
                repositories=source.repositories,
                architecture=architecture,
                machine=self.locations.machine,
                root=self.cache.root / "apt" / folder,
            )
        return self._apt[folder]

    def _swift(self, source: SwiftSource) -> Sequence[str]:
        listed = self.locations.swift.listing(source.container, source.prefix)
        return [f"{SWIFT}{source.container}/{entry.name}" for entry in listed]

    def _folder(self, name: str) -> Sequence[str]:
        folder = self.locations.path(f"{FILE}{name}")
        if not folder.is_dir():
            raise NoFolderError(name)
        return [f"{FILE}{name.rstrip('/')}/{path.name}" for path in sorted(folder.iterdir())]

    def _get(self, deb: Deb) -> LockedFile:
        def verify(path: Path) -> str:
            return (
                self.locations.swift.problem_with(*split_location(deb.origin), path)
                if deb.origin.startswith(SWIFT)
                else ""
            )

        address = self.locations.address(deb.origin)
        wanted = NewFile(name=deb.package, version=deb.version, origin=deb.origin, address=address, verify=verify)
        return download_new(wanted, self.cache)
