"""The versions and files of drivers as NVIDIA's own installers, `NVIDIA-Linux-<arch>-<version>.run`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import sha256_of
from lifecycle.config.driver_sources import RunfileDriver
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.versions import DRIVER_EXACT, driver_branch
from lifecycle.sources.download import ForbiddenError, NewFile, SourceFileNotFoundError, WrongContentError, download_new
from lifecycle.sources.driver_versions import DriverVersions, fill_template
from lifecycle.sources.file_content import checksum_in
from lifecycle.sources.locations import InputLocations, origin_of
from lifecycle.sources.swift import SWIFT, split_location


@dataclass(frozen=True, kw_only=True)
class RunfileResolver:
    """The resolver of drivers as .run files. `say` writes a line of the log."""

    cache: Cache
    locations: InputLocations
    say: Callable[[str], None]

    @property
    def _reader(self) -> DriverVersions:
        return DriverVersions(cache=self.cache, locations=self.locations, say=self.say)

    def resolve(
        self,
        declared: str,
        types: Sequence[ModuleType],
        source: RunfileDriver,
        architecture: Architecture,
        declaration: str,
    ) -> LockedDriver:
        """Download and return the driver of a declared branch (`580`: its newest version) or version (`580.105.08`).

        Raises NoVersionsError, NoFilesError, VersionPageError, SourceFileNotFoundError, WrongContentError,
        CorruptDownloadError, DownloadError.
        """
        resolve = partial(self._resolve_version, types, source, architecture, declaration)
        if DRIVER_EXACT.fullmatch(declared):
            return resolve(declared)
        found, listed = self.versions(source, architecture), source.versions or source.url
        return self._reader.resolve_newest(declared, fill_template(listed, architecture), found, resolve)

    def versions(self, source: RunfileDriver, architecture: Architecture) -> list[str] | None:
        """Return all versions in a source, newest first; None if the source cannot be listed.

        Raises VersionPageError, SwiftRequestError, ContainerNotFoundError.
        """
        if source.versions:
            return self._reader.on_page(fill_template(source.versions, architecture))
        return self._reader.listed(fill_template(source.url, architecture))

    def offered(self, branch: str, source: RunfileDriver, architecture: Architecture) -> list[str]:
        """Return the versions of a branch (`*`: of all) that a source has, newest first.

        A page may name versions whose files are elsewhere; the newest ones are left out then. Raises as `versions`.
        """
        found = self.versions(source, architecture) or []
        if not source.versions:
            return found
        of_branch = [version for version in found if branch in ("*", driver_branch(version))]
        return self._reader.drop_missing(of_branch, fill_template(source.url, architecture))

    def _resolve_version(
        self,
        types: Sequence[ModuleType],
        source: RunfileDriver,
        architecture: Architecture,
        declaration: str,
        version: str,
    ) -> LockedDriver:
        runfile = self._file(source.url, version, architecture)
        extra = [self._file(source.fabric_manager, version, architecture)] if source.fabric_manager else []
        return LockedDriver(
            declaration=declaration,
            version=version,
            modules={module_type: [runfile] for module_type in types},
            userspace=[runfile, *extra],
        )

    def _file(self, template: str, version: str, architecture: Architecture) -> LockedFile:
        origin = origin_of(fill_template(template, architecture).replace("{version}", version))
        name = origin.rpartition("/")[2].partition(f"-{version}")[0]
        self.say(f"downloading {origin.rpartition('/')[2]}, whose sha256 goes into versions.lock")
        return download_new(
            NewFile(
                name=name,
                version=version,
                origin=origin,
                address=self.locations.address(origin),
                verify=lambda path: self._find_mismatch(origin, path),
            ),
            self.cache,
        )

    def _find_mismatch(self, origin: str, path: Path) -> str:
        """Compare a file with Swift's checksums and with NVIDIA's `<name>.run.sha256sum`, and return the mismatch, or ""."""
        if origin.startswith(SWIFT):
            mismatch = self.locations.swift.find_mismatch(*split_location(origin), path)
            if mismatch:
                return mismatch
        stated, obtained = self._stated_sha256(f"{origin}.sha256sum", origin.rpartition("/")[2]), sha256_of(path)
        if stated and stated != obtained:
            return f"its sha256 is {obtained}, and {origin}.sha256sum states {stated}"
        return ""

    def _stated_sha256(self, origin: str, name: str) -> str:
        """Return the sha256 in a checksum file; "" if there is no such file, for which some servers answer 403.

        Raises WrongContentError for a file without a checksum, DownloadError.
        """
        try:
            text = self._reader.read_small_file("checksum", "", origin)
        except (SourceFileNotFoundError, ForbiddenError):
            self.say(f"{origin} is not available: versions.lock gets the sha256 of the downloaded file")
            return ""
        stated = checksum_in(text, name)
        if not stated:
            file = NewFile(name="checksum", version="", origin=origin, address=self.locations.address(origin))
            raise WrongContentError(file, f"no checksum file: it states no single sha256 for {name}")
        return stated
