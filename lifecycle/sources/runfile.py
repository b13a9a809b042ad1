"""NVIDIA's own installer, `NVIDIA-Linux-<arch>-<version>.run`: which versions there are, and which files one means."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from lifecycle.cache.cache import Cache
from lifecycle.cache.result_files import sha256_of
from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.sources import RunfileDriver
from lifecycle.config.versions import DRIVER_EXACT, driver_branch, version_key
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.download import DownloadError, NewFile, SourceFileNotFoundError, download_new
from lifecycle.sources.locations import InputLocations, files_like, is_web, origin_of
from lifecycle.sources.swift import SWIFT, split_location
from lifecycle.sources.transfer import new_client

# NVIDIA's names of an architecture: in a .run file's name, and in the folders of its redistributable archives.
_ARCH = {Architecture.AMD64: "x86_64", Architecture.ARM64: "aarch64"}
_PLATFORM = {Architecture.AMD64: "linux-x86_64", Architecture.ARM64: "linux-sbsa"}
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")
_NUMBER = re.compile(rf"(?<![\d.]){DRIVER_EXACT.pattern}(?![\d.]*\d)")


class NoVersionsError(UsageError):
    """A branch whose source cannot be asked for its versions, or that has none."""

    def __init__(self, branch: str, place: str, found: Sequence[str] | None) -> None:
        if found is None:
            what = f"{place} cannot be listed: write an exact version, or name a page under `versions`"
        else:
            what = f"{place} has no version of it: it has {', '.join(found) or 'none at all'}"
        super().__init__(f"component.yaml: sources.drivers.{branch}: {what}")


class PageRefusedError(InstallerError):
    """A page of versions that cannot be read."""

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address}, which should name the versions, cannot be read", details=f"  {why}")


@dataclass(frozen=True, kw_only=True)
class RunfileResolver:
    """The hands of this kind of source: the cache, the places as they are seen from here, the log."""

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
        """The driver version that `580` (its newest) or `580.105.08` (itself) means, and its files, which are downloaded.

        Raises NoVersionsError, LackingError, DamagedError, DownloadError.
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
        """All versions that the source has, newest first; None where it cannot be asked."""
        template = _template(source.url, architecture)
        if source.versions:
            found = _NUMBER.findall(self.page(source.versions))
        elif template.startswith(SWIFT):
            container, name = split_location(template)
            listed = self.locations.swift.listing(container, name.partition("{version}")[0])
            found = _matching(name, [entry.name for entry in listed])
        elif is_web(template):
            return None
        else:
            path = self.locations.path(origin_of(template)).absolute()
            found = _matching(str(path), [str(file) for file in files_like(path)])
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
                verify=lambda path: self._problem(origin, path),
            ),
            self.cache,
        )

    def _problem(self, origin: str, path: Path) -> str:
        """What is wrong with a file by the checksum beside it (`….run.sha256sum`, as NVIDIA publishes it), and by Swift's."""
        if origin.startswith(SWIFT):
            wrong = self.locations.swift.problem_with(*split_location(origin), path)
            if wrong:
                return wrong
        stated = _SHA256.search(self._beside(f"{origin}.sha256sum"))
        if stated and stated[0] != sha256_of(path):
            return f"its sha256 is {sha256_of(path)}, and {origin}.sha256sum states {stated[0]}"
        return ""

    def _beside(self, origin: str) -> str:
        """A small file's text; nothing where there is none, which some servers call forbidden."""
        wanted = NewFile(name="checksum", version="", origin=origin, address=self.locations.address(origin))
        try:
            found = download_new(wanted, self.cache)
        except (SourceFileNotFoundError, DownloadError):
            self.say(f"{origin} cannot be had: the sha256 in versions.lock is what came")
            return ""
        return self.cache.blob(found.sha256).read_text(errors="replace")

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise PageRefusedError(str(path), error.strerror or str(error)) from error

    def page(self, location: str) -> str:
        """The text of a page that names versions, on the web or in a file; raises PageRefusedError."""
        if not is_web(location):
            return self._text(self.locations.path(origin_of(location)))
        try:
            with new_client(1) as client:
                return client.get(location).raise_for_status().text
        except httpx.HTTPError as error:
            raise PageRefusedError(location, str(error)) from error


def _template(template: str, architecture: Architecture) -> str:
    return template.replace("{arch}", _ARCH[architecture]).replace("{platform}", _PLATFORM[architecture])


def _matching(template: str, names: Sequence[str]) -> list[str]:
    """The versions in names that have a template's form."""
    first, *rest = (re.escape(part) for part in template.split("{version}"))
    pattern = re.compile(first + f"({DRIVER_EXACT.pattern})" + r"\1".join(rest))
    return [match[1] for name in names if (match := pattern.fullmatch(name))]
