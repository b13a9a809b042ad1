"""The index of a source of packages, whatever its kind; each is opened once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.errors import UsageError
from lifecycle.model.lock import LockedFile
from lifecycle.model.schema import Architecture
from lifecycle.model.sources import AptSource, PackageSource, SwiftSource
from lifecycle.sources.apt import AptIndex
from lifecycle.sources.download import NewFile, download_new
from lifecycle.sources.flat import Deb, FlatIndex, parse_debs
from lifecycle.sources.index import PackageIndex
from lifecycle.sources.places import FILE, Places
from lifecycle.sources.swift import SWIFT, split_location
from lifecycle.tools.store import Store


class NoFolderError(UsageError):
    """A folder of packages that is not there."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"component.yaml: there is no folder {path!r}, which a source of kind directory names: make it"
        )


@dataclass(frozen=True, kw_only=True)
class Indexes:
    """Opens sources with the hands it is given: the cache, and the places as they are seen from here.

    apt's private lists, in the cache, are brought up to date once in the life of this.
    """

    store: Store
    places: Places
    _apt: dict[str, AptIndex] = field(default_factory=dict)
    _flat: dict[str, FlatIndex] = field(default_factory=dict)

    def of(self, source: PackageSource, architecture: Architecture) -> PackageIndex:
        """The index of a source; raises NoFolderError, NoContainerError, and what signing in to Swift raises."""
        if isinstance(source, AptSource):
            return self.apt(source, architecture)
        key = f"{source!r} {architecture}"
        if key not in self._flat:
            listed = self._swift(source) if isinstance(source, SwiftSource) else self._folder(source.path)
            self._flat[key] = FlatIndex(
                f"{source.kind} {source.container if isinstance(source, SwiftSource) else source.path}",
                parse_debs(listed, architecture),
                get=self._get,
                path=lambda file: self.store.blob(file.sha256),
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
                machine=self.places.machine,
                root=self.store.root / "apt" / folder,
            )
        return self._apt[folder]

    def _swift(self, source: SwiftSource) -> Sequence[str]:
        listed = self.places.swift.listing(source.container, source.prefix)
        return [f"{SWIFT}{source.container}/{entry.name}" for entry in listed]

    def _folder(self, name: str) -> Sequence[str]:
        folder = self.places.path(f"{FILE}{name}")
        if not folder.is_dir():
            raise NoFolderError(name)
        return [f"{FILE}{name.rstrip('/')}/{path.name}" for path in sorted(folder.iterdir())]

    def _get(self, deb: Deb) -> LockedFile:
        def verify(path: Path) -> str:
            return (
                self.places.swift.problem_with(*split_location(deb.origin), path)
                if deb.origin.startswith(SWIFT)
                else ""
            )

        address = self.places.address(deb.origin)
        wanted = NewFile(name=deb.package, version=deb.version, origin=deb.origin, address=address, verify=verify)
        return download_new(wanted, self.store)
