"""The versions and files of drivers as NVIDIA's own installers, `NVIDIA-Linux-<arch>-<version>.run`."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import sha256_of
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.sources import RunfileDriver
from lifecycle.config.versions import DRIVER_EXACT, driver_branch, version_key
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.download import DownloadError, NewFile, SourceFileNotFoundError, download_new
from lifecycle.sources.locations import InputLocations, glob_template, is_url, origin_of
from lifecycle.sources.swift import SWIFT, split_location
from lifecycle.tools.network.client import REQUEST_ERRORS, open_client

# NVIDIA's names of the architectures: in the names of .run files, and in the folders of its redistributable archives.
_ARCH = {Architecture.AMD64: "x86_64", Architecture.ARM64: "aarch64"}
_PLATFORM = {Architecture.AMD64: "linux-x86_64", Architecture.ARM64: "linux-sbsa"}
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
_VERSION = re.compile(rf"(?<![\d.]){DRIVER_EXACT.pattern}(?![\d.]*\d)")


class NoVersionsError(UsageError):
    """A branch whose source cannot be listed, or has no version of it."""

    def __init__(self, branch: str, location: str, found: Sequence[str] | None) -> None:
        if found is None:
            problem = f"{location} cannot be listed: write an exact version, or name a page under `versions`"
        else:
            problem = f"{location} has no version of it: it has {', '.join(found) or 'none at all'}"
        super().__init__(f"component.yaml: sources.drivers.{branch}: {problem}")


class VersionPageError(InstallerError):
    """A page of versions that cannot be read."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"the page of versions {address} cannot be read",
            details=f"  {reason}",
            resolution="Check the address under `versions` in component.yaml.",
        )


@dataclass(frozen=True, kw_only=True)
class RunfileResolver:
    """The resolver of drivers as .run files. `say` writes a line of the log."""

    cache: Cache
    locations: InputLocations
    say: Callable[[str], None]

    def resolve(
        self,
        declared: str,
        types: Sequence[ModuleType],
        source: RunfileDriver,
        architecture: Architecture,
        declaration: str,
    ) -> LockedDriver:
        """Download and return the driver of a declared branch (`580`: its newest version) or version (`580.105.08`).

        Raises NoVersionsError, VersionPageError, SourceFileNotFoundError, CorruptDownloadError, DownloadError.
        """
        version = declared if DRIVER_EXACT.fullmatch(declared) else self._newest(declared, source, architecture)
        runfile = self._file(source.url, version, architecture)
        extra = [self._file(source.fabric_manager, version, architecture)] if source.fabric_manager else []
        return LockedDriver(
            declaration=declaration,
            version=version,
            modules={module_type: [runfile] for module_type in types},
            userspace=[runfile, *extra],
        )

    def versions(self, source: RunfileDriver, architecture: Architecture) -> list[str] | None:
        """Return all versions in a source, newest first; None if the source cannot be listed.

        Raises VersionPageError, SwiftRequestError, ContainerNotFoundError.
        """
        template = _template(source.url, architecture)
        if source.versions:
            found = _VERSION.findall(self.read_page(source.versions))
        elif template.startswith(SWIFT):
            container, name = split_location(template)
            listed = self.locations.swift.list_objects(container, name.partition("{version}")[0])
            found = _versions_in(name, [entry.name for entry in listed])
        elif is_url(template):
            return None
        else:
            path = self.locations.path(origin_of(template)).absolute()
            found = _versions_in(str(path), [str(file) for file in glob_template(path)])
        return sorted(set(found), key=version_key, reverse=True)

    def _newest(self, branch: str, source: RunfileDriver, architecture: Architecture) -> str:
        found = self.versions(source, architecture)
        of_branch = [version for version in found or [] if driver_branch(version) == branch]
        if not of_branch:
            raise NoVersionsError(branch, source.versions or source.url, found)
        return of_branch[0]

    def _file(self, template: str, version: str, architecture: Architecture) -> LockedFile:
        origin = origin_of(_template(template, architecture).replace("{version}", version))
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
        stated = _SHA256.search(self._read_checksum(f"{origin}.sha256sum"))
        if stated and stated[0] != sha256_of(path):
            return f"its sha256 is {sha256_of(path)}, and {origin}.sha256sum states {stated[0]}"
        return ""

    def _read_checksum(self, origin: str) -> str:
        """Return the text of a checksum file; "" if there is none, for which some servers answer 403."""
        file = NewFile(name="checksum", version="", origin=origin, address=self.locations.address(origin))
        try:
            found = download_new(file, self.cache)
        except (SourceFileNotFoundError, DownloadError):
            self.say(f"{origin} is not available: versions.lock gets the sha256 of the downloaded file")
            return ""
        return self.cache.blob(found.sha256).read_text(errors="replace")

    def _read_file(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise VersionPageError(str(path), error.strerror or str(error)) from error

    def read_page(self, location: str) -> str:
        """Return the text of a page of versions, from a URL or a file. Raises VersionPageError."""
        if not is_url(location):
            return self._read_file(self.locations.path(origin_of(location)))
        try:
            with open_client() as client:
                return client.get(location).raise_for_status().text
        except REQUEST_ERRORS as error:
            raise VersionPageError(location, str(error)) from error


def _template(template: str, architecture: Architecture) -> str:
    return template.replace("{arch}", _ARCH[architecture]).replace("{platform}", _PLATFORM[architecture])


def _versions_in(template: str, names: Sequence[str]) -> list[str]:
    """Return the versions in the names that match a template with `{version}`."""
    first, *rest = (re.escape(part) for part in template.split("{version}"))
    pattern = re.compile(first + f"({DRIVER_EXACT.pattern})" + r"\1".join(rest))
    return [match[1] for name in names if (match := pattern.fullmatch(name))]
