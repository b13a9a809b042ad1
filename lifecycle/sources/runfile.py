"""The versions and files of drivers as NVIDIA's own installers, `NVIDIA-Linux-<arch>-<version>.run`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.sources.driver_sources import RunfileDriver
from lifecycle.config.versions import driver_branch
from lifecycle.sources.download import ForbiddenError, NewFile, SourceFileNotFoundError, WrongContentError
from lifecycle.sources.driver_versions import DriverVersions, driver_of, file_name, fill_template
from lifecycle.sources.file_content import checksum_in
from lifecycle.sources.locations import origin_of
from lifecycle.sources.swift import SWIFT, split_location
from lifecycle.tools.digest import sha256_of


@dataclass(frozen=True, kw_only=True)
class RunfileResolver:
    """The resolver of drivers as .run files."""

    reader: DriverVersions

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
        location = fill_template(source.versions or source.url, architecture)
        resolve = partial(self._resolve_version, types, source, architecture, declaration)
        return self.reader.resolve(declared, location, lambda: self.versions(source, architecture), resolve)

    def versions(self, source: RunfileDriver, architecture: Architecture) -> list[str] | None:
        """Return all versions in a source, newest first; None if the source cannot be listed.

        Raises VersionPageError, SwiftRequestError, ContainerNotFoundError.
        """
        if source.versions:
            return self.reader.on_page(fill_template(source.versions, architecture))
        return self.reader.listed(fill_template(source.url, architecture))

    def offered(self, branch: str, source: RunfileDriver, architecture: Architecture) -> list[str]:
        """Return the versions of a branch (`*`: of all) that a source has, newest first.

        A page may name versions whose files are elsewhere; the newest ones are left out then. Raises as `versions`.
        """
        found = self.versions(source, architecture) or []
        if not source.versions:
            return found
        of_branch = [version for version in found if branch in ("*", driver_branch(version))]
        return self.reader.drop_missing(of_branch, fill_template(source.url, architecture))

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
        return driver_of([runfile, *extra], types, version, declaration)

    def _file(self, template: str, version: str, architecture: Architecture) -> LockedFile:
        origin = origin_of(fill_template(template, architecture).replace("{version}", version))
        self.reader.say(f"downloading {file_name(origin)}, whose sha256 goes into versions.lock")
        return self.reader.download(origin, version, lambda path: self._find_mismatch(origin, path))

    def _find_mismatch(self, origin: str, path: Path) -> str:
        """Compare a file with Swift's checksums and with NVIDIA's `<name>.run.sha256sum`, and return the mismatch, or ""."""
        if origin.startswith(SWIFT):
            mismatch = self.reader.locations.swift.find_mismatch(*split_location(origin), path)
            if mismatch:
                return mismatch
        stated, obtained = self._stated_sha256(f"{origin}.sha256sum", file_name(origin)), sha256_of(path)
        if stated and stated != obtained:
            return f"its sha256 is {obtained}, and {origin}.sha256sum states {stated}"
        return ""

    def _stated_sha256(self, origin: str, name: str) -> str:
        """Return the sha256 in a checksum file; "" if there is no such file, for which some servers answer 403.

        Raises WrongContentError for a file without a checksum, DownloadError.
        """
        try:
            text = self.reader.read_small_file("checksum", "", origin)
        except (SourceFileNotFoundError, ForbiddenError):
            self.reader.say(f"{origin} is not available: versions.lock gets the sha256 of the downloaded file")
            return ""
        stated = checksum_in(text, name)
        if not stated:
            file = NewFile(name="checksum", version="", origin=origin, address=self.reader.locations.address(origin))
            raise WrongContentError(file, f"no checksum file: it states no single sha256 for {name}")
        return stated
