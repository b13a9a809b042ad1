"""The versions of drivers in a source, the newest one of a branch that the source really has, and the download of its files."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.versions import DRIVER_EXACT, driver_branch, version_key
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.download import ForbiddenError, NewFile, SourceFileNotFoundError, download_new
from lifecycle.sources.locations import FILE, InputLocations, glob_template, is_url, origin_of
from lifecycle.sources.swift import SWIFT, split_location
from lifecycle.tools.network.client import REQUEST_ERRORS, open_client
from lifecycle.tools.network.retries import answer_text

# NVIDIA's names of the architectures: in the names of .run files, and in the folders of its redistributable archives.
ARCH = {Architecture.AMD64: "x86_64", Architecture.ARM64: "aarch64"}
PLATFORM = {Architecture.AMD64: "linux-x86_64", Architecture.ARM64: "linux-sbsa"}
_MISSING = (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND, httpx.codes.GONE)
_VERSION = re.compile(rf"(?<![\d.]){DRIVER_EXACT.pattern}(?![\d.]*\d)")


class NoVersionsError(UsageError):
    """A branch whose source cannot be listed, or has no version of it."""

    def __init__(self, branch: str, location: str, found: Sequence[str] | None) -> None:
        if found is None:
            problem = f"{location} cannot be listed: write an exact version, or name a page under `versions`"
        else:
            problem = f"{location} has no version of it: it has {', '.join(found) or 'none at all'}"
        super().__init__(f"component.yaml: sources.drivers.{branch}: {problem}")


class NoFilesError(UsageError):
    """A branch of which the source names versions and has the files of none."""

    def __init__(self, branch: str, location: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"component.yaml: sources.drivers.{branch}: {location} names {len(missing)} versions of it, and the files of none "
            f"exist ({', '.join(missing)}): correct the addresses, or name a page of the same product under `versions`"
        )


class VersionPageError(InstallerError):
    """A page of versions that cannot be read."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"the page of versions {address} cannot be read",
            details=f"  {reason}",
            resolution="Check the address under `versions` in component.yaml.",
        )


def fill_template(template: str, architecture: Architecture) -> str:
    """Return a location with NVIDIA's names of an architecture in place of `{arch}` and `{platform}`."""
    return template.replace("{arch}", ARCH[architecture]).replace("{platform}", PLATFORM[architecture])


def file_name(origin: str) -> str:
    """Return the name of a file by its origin."""
    return origin.rpartition("/")[2]


def driver_of(files: Sequence[LockedFile], types: Sequence[ModuleType], version: str, declaration: str) -> LockedDriver:
    """Return the entry of a driver whose first file has everything but what the others add to the user space."""
    modules = {module_type: [files[0]] for module_type in types}
    return LockedDriver(declaration=declaration, version=version, modules=modules, userspace=list(files))


@dataclass(frozen=True, kw_only=True)
class DriverVersions:
    """The reader of what sources of drivers list and have. `say` writes a line of the log."""

    cache: Cache
    locations: InputLocations
    say: Callable[[str], None]

    def listed(self, template: str) -> list[str] | None:
        """Return the versions in a container or folder, newest first; None for a web address, which cannot be listed.

        `template` is a location with `{version}`. Raises SwiftRequestError, ContainerNotFoundError.
        """
        if template.startswith(SWIFT):
            container, name = split_location(template)
            listed = self.locations.swift.list_objects(container, name.partition("{version}")[0])
            return _versions_in(name, [entry.name for entry in listed])
        if is_url(template):
            return None
        path = self.locations.path(origin_of(template)).absolute()
        return _versions_in(str(path), [str(file) for file in glob_template(path)])

    def on_page(self, location: str, pattern: re.Pattern[str] = _VERSION) -> list[str]:
        """Return the versions that a page names, newest first. Raises VersionPageError."""
        return _newest_first(pattern.findall(self.read_page(location)))

    def read_page(self, location: str) -> str:
        """Return the text of a page of versions, from a URL or a file. Raises VersionPageError."""
        if not is_url(location):
            path = self.locations.path(origin_of(location))
            try:
                return path.read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                raise VersionPageError(str(path), error.strerror or str(error)) from error
        try:
            with open_client() as client:
                response = client.get(location)
        except REQUEST_ERRORS as error:
            raise VersionPageError(location, str(error)) from error
        if not response.is_success:
            raise VersionPageError(location, f"the server answered {answer_text(response)}")
        return response.text

    def drop_missing(self, versions: Sequence[str], template: str) -> list[str]:
        """Return versions, newest first, without the newest ones of each branch whose file does not exist.

        `template` is the location of the file, with `{version}`. A server that does not tell counts as having it.
        """
        kept: list[str] = []
        with open_client() as client:
            for version in versions:
                is_settled = any(driver_branch(other) == driver_branch(version) for other in kept)
                if is_settled or self._exists(client, origin_of(template.replace("{version}", version))):
                    kept.append(version)
        return kept

    def _exists(self, client: httpx.Client, origin: str) -> bool:
        if origin.startswith(FILE):
            return self.locations.path(origin).exists()
        if not is_url(origin):
            return True
        try:
            return client.head(origin).status_code not in _MISSING
        except REQUEST_ERRORS:
            return True

    def read_small_file(self, name: str, version: str, origin: str) -> str:
        """Return the text of a checksum file or an index, by its origin.

        Raises SourceFileNotFoundError, WrongContentError, DownloadError, ForbiddenError.
        """
        file = NewFile(name=name, version=version, origin=origin, address=self.locations.address(origin))
        return self.cache.blob(download_new(file, self.cache).sha256).read_text(encoding="utf-8", errors="replace")

    def download(self, origin: str, version: str, verify: Callable[[Path], str]) -> LockedFile:
        """Download a file of a version and return its entry; `verify` returns the mismatch that it finds, or "".

        Raises SourceFileNotFoundError, WrongContentError, CorruptDownloadError, DownloadError, ForbiddenError.
        """
        name = file_name(origin).partition(f"-{version}")[0]
        address = self.locations.address(origin)
        return download_new(
            NewFile(name=name, version=version, origin=origin, address=address, verify=verify), self.cache
        )

    def resolve(
        self,
        declared: str,
        location: str,
        list_versions: Callable[[], Sequence[str] | None],
        resolve: Callable[[str], LockedDriver],
    ) -> LockedDriver:
        """Resolve a declared version (`580.105.08`), or the newest one of a branch (`580`) whose files exist.

        `list_versions` returns those that `location` names. Raises NoVersionsError, NoFilesError, and what the functions raise.
        """
        if DRIVER_EXACT.fullmatch(declared):
            return resolve(declared)
        return self._resolve_newest(declared, location, list_versions(), resolve)

    def _resolve_newest(
        self, branch: str, location: str, found: Sequence[str] | None, resolve: Callable[[str], LockedDriver]
    ) -> LockedDriver:
        """Resolve the newest version of a branch whose files exist, and say which newer ones were skipped."""
        of_branch = [version for version in found or [] if driver_branch(version) == branch]
        if not of_branch:
            raise NoVersionsError(branch, location, found)
        missing: list[str] = []
        for version in of_branch:
            try:
                driver = resolve(version)
            except (SourceFileNotFoundError, ForbiddenError) as error:
                missing.append(error.origin)
            else:
                if missing:
                    self.say(
                        f"driver {branch} is {version}: {location} names newer ones, but {', '.join(missing)} is missing"
                    )
                return driver
        raise NoFilesError(branch, location, missing)


def _newest_first(versions: Sequence[str]) -> list[str]:
    return sorted(set(versions), key=version_key, reverse=True)


def _versions_in(template: str, names: Sequence[str]) -> list[str]:
    """Return the versions in the names that match a template with `{version}`, newest first."""
    first, *rest = (re.escape(part) for part in template.split("{version}"))
    pattern = re.compile(first + f"({DRIVER_EXACT.pattern})" + r"\1".join(rest))
    return _newest_first([match[1] for name in names if (match := pattern.fullmatch(name))])
