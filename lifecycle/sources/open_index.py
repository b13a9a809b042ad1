"""The package indexes of the declared sources, of every kind. Each is opened once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptSource, PackageSource, SwiftSource
from lifecycle.errors import UsageError
from lifecycle.sources.apt.index import AptIndex
from lifecycle.sources.deb_folder import DebFile, DebFolderIndex, parse_debs
from lifecycle.sources.download import NewFile, download_new
from lifecycle.sources.locations import FILE, InputLocations
from lifecycle.sources.package_index import PackageIndex
from lifecycle.sources.swift import SWIFT, split_location


class FolderNotFoundError(UsageError):
    """A declared folder of packages that does not exist."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"component.yaml: a source of kind directory names the folder {path!r}, which does not exist: create it"
        )


@dataclass(frozen=True, kw_only=True)
class PackageIndexes:
    """The opened package indexes of one session. apt's private lists, in the cache, are updated once per session."""

    cache: Cache
    locations: InputLocations
    _apt: dict[str, AptIndex] = field(default_factory=dict)
    _folders: dict[str, DebFolderIndex] = field(default_factory=dict)

    def open(self, source: PackageSource, architecture: Architecture) -> PackageIndex:
        """Return the index of a source.

        Raises FolderNotFoundError, ContainerNotFoundError, SwiftRequestError, CredentialsMissingError.
        """
        if isinstance(source, AptSource):
            return self.open_apt(source, architecture)
        key = f"{source!r} {architecture}"
        if key not in self._folders:
            listed = self._swift(source) if isinstance(source, SwiftSource) else self._folder(source.path)
            self._folders[key] = DebFolderIndex(
                f"{source.kind} {source.container if isinstance(source, SwiftSource) else source.path}",
                parse_debs(listed, architecture),
                download=self._download,
                path=lambda file: self.cache.blob(file.sha256),
            )
        return self._folders[key]

    def open_apt(self, source: AptSource, architecture: Architecture) -> AptIndex:
        """Return the index of an APT source, which can also resolve dependencies."""
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
        listed = self.locations.swift.list_objects(source.container, source.prefix)
        return [f"{SWIFT}{source.container}/{entry.name}" for entry in listed]

    def _folder(self, name: str) -> Sequence[str]:
        folder = self.locations.path(f"{FILE}{name}")
        if not folder.is_dir():
            raise FolderNotFoundError(name)
        return [f"{FILE}{name.rstrip('/')}/{path.name}" for path in sorted(folder.iterdir())]

    def _download(self, deb: DebFile) -> LockedFile:
        def verify(path: Path) -> str:
            return (
                self.locations.swift.find_mismatch(*split_location(deb.origin), path)
                if deb.origin.startswith(SWIFT)
                else ""
            )

        address = self.locations.address(deb.origin)
        file = NewFile(name=deb.package, version=deb.version, origin=deb.origin, address=address, verify=verify)
        return download_new(file, self.cache)
