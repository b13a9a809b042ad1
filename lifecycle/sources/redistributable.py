"""The versions and files of drivers as NVIDIA's redistributable archives, which a JSON index for each version lists.

The index `redistrib_<version>.json` has the form of CUDA's: a product (`nvidia_driver`, `fabricmanager`), in it a platform
(`linux-x86_64`), and in it `relative_path`, `sha256` and `size`. Source: NVIDIA, "CUDA Installation Guide for Linux",
"Tarball and Zip Archive Deliverables".
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.sources.driver_sources import RedistributableDriver
from lifecycle.config.versions import DRIVER_EXACT
from lifecycle.errors import InstallerError
from lifecycle.sources.driver_versions import ARCH, PLATFORM, DriverVersions, driver_of, file_name
from lifecycle.sources.locations import is_url, origin_of
from lifecycle.tools.digest import sha256_of

DRIVER, FABRIC_MANAGER = "nvidia_driver", "fabricmanager"
_INDEX = "redistrib_{version}.json"
_INDEX_NAME = re.compile(rf"\bredistrib_({DRIVER_EXACT.pattern})\.json\b")
_SHOWN = 8


class _Archive(BaseModel):
    """The entry of an archive in an index. The path is below the folder of the index, and leads to no other place."""

    relative_path: str = Field(pattern=r"^[\w+-][\w.+-]*(?:/[\w+-][\w.+-]*)*\.tar\.xz$")
    sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$")
    size: int = Field(gt=0)


class InvalidIndexError(InstallerError):
    """An index of redistributable archives that cannot be read, or lacks an archive."""

    def __init__(self, origin: str, why: str) -> None:
        super().__init__(
            f"the index {origin} cannot be used: {why}",
            resolution="Check the address under `url` in component.yaml, or name another version.",
        )


@dataclass(frozen=True, kw_only=True)
class RedistributableResolver:
    """The resolver of drivers as redistributable archives."""

    reader: DriverVersions

    def resolve(
        self,
        declared: str,
        types: Sequence[ModuleType],
        source: RedistributableDriver,
        architecture: Architecture,
        declaration: str,
    ) -> LockedDriver:
        """Download and return the driver of a declared branch (`580`: its newest version) or version (`580.105.08`).

        Raises NoVersionsError, NoFilesError, InvalidIndexError, VersionPageError, SourceFileNotFoundError,
        WrongContentError, CorruptDownloadError, DownloadError.
        """
        resolve = partial(self._resolve_version, types, source, architecture, declaration)
        return self.reader.resolve(declared, source.page, lambda: self.versions(source), resolve)

    def versions(self, source: RedistributableDriver) -> list[str]:
        """Return the versions that have an index, newest first.

        Raises VersionPageError, SwiftRequestError, ContainerNotFoundError.
        """
        if source.versions or is_url(source.url):
            return self.reader.on_page(source.page, _INDEX_NAME)
        return self.reader.listed(f"{source.folder}/{_INDEX}") or []

    def _resolve_version(
        self,
        types: Sequence[ModuleType],
        source: RedistributableDriver,
        architecture: Architecture,
        declaration: str,
        version: str,
    ) -> LockedDriver:
        folder = origin_of(source.folder)
        index = f"{folder}/{_INDEX.format(version=version)}"
        text = self.reader.read_small_file("index", version, index)
        products = [DRIVER, *([FABRIC_MANAGER] if source.fabric_manager else [])]
        # Each is looked up before the first one, of some hundred megabytes, is downloaded.
        archives = [find_archive(text, product, architecture, index) for product in products]
        files = [self._download(folder, archive, version) for archive in archives]
        return driver_of(files, types, version, declaration)

    def _download(self, folder: str, archive: _Archive, version: str) -> LockedFile:
        origin = f"{folder}/{archive.relative_path}"
        self.reader.say(f"downloading {file_name(origin)}, whose sha256 is in its index")
        return self.reader.download(origin, version, lambda path: _find_mismatch(path, archive))


def find_archive(text: str, product: str, architecture: Architecture, origin: str) -> _Archive:
    """Return a product's archive for an architecture, from the text of an index. Raises InvalidIndexError."""
    try:
        index = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidIndexError(origin, f"invalid JSON ({error})") from error
    platforms = index.get(product) if isinstance(index, dict) else None
    if not isinstance(platforms, dict):
        raise InvalidIndexError(origin, f"it has no {product!r}")
    # NVIDIA names servers of arm64 after their standard (SBSA), and other machines after the architecture.
    names = (PLATFORM[architecture], f"linux-{ARCH[architecture]}")
    entry = next((platforms[name] for name in names if name in platforms), None)
    if entry is None:
        has = ", ".join(sorted(name for name in platforms if isinstance(platforms[name], dict))[:_SHOWN]) or "none"
        raise InvalidIndexError(origin, f"{product!r} has no archive for {names[0]}: it has {has}")
    try:
        return _Archive.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (product, names[0], *first["loc"]))
        raise InvalidIndexError(origin, f"{key}: {first['msg']}") from error


def _find_mismatch(path: Path, archive: _Archive) -> str:
    size, sha256 = path.stat().st_size, sha256_of(path)
    if size != archive.size:
        return f"it has {size} bytes, and its index states {archive.size}"
    if sha256 != archive.sha256.lower():
        return f"its sha256 is {sha256}, and its index states {archive.sha256.lower()}"
    return ""
