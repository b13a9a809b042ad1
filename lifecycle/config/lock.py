"""versions.lock: the exact version, origin, size and sha256 of every input. `invoke fetch` writes it; it is committed.

Each entry has the digest of the declaration that it was resolved from. So only the entry of a changed declaration is stale and
resolved again; all others stay as they are.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field

from lifecycle.config.file_format import FileFormat, format_of
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.validation import read_text, validate
from lifecycle.yamledit.reader import read_yaml

_HEADER = "# Written by `invoke fetch`: every input's exact version, origin, size in bytes and sha256. Commit it; do not edit it.\n"


class LockKeys(Protocol):
    """The declared names of a combination, of which its keys in versions.lock consist."""

    @property
    def release(self) -> str:
        """The name of the OS release."""

    @property
    def declared_driver(self) -> str:
        """The entry of driverVersion."""

    @property
    def architecture(self) -> Architecture:
        """The architecture."""


def kernel_key(release: str, architecture: Architecture) -> str:
    """Return the key of a kernel in versions.lock: `debian-12/amd64`."""
    return f"{release}/{architecture}"


def driver_key(declared: str, architecture: Architecture) -> str:
    """Return the key of a driver in versions.lock, by its entry of driverVersion: `535/amd64`."""
    return f"{declared}/{architecture}"


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LockedFile(_Entry):
    """An input file. `origin` is the archive's label and the path in the archive (`Debian/pool/main/…`); `size` is in bytes."""

    name: str
    version: str
    origin: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def file_name(self) -> str:
        """The file's name in its archive."""
        return self.origin.rpartition("/")[2]


class LockedKernel(_Entry):
    """The kernel of an OS release: `release` is its `uname -r`, `version` the upstream version.

    `image` has the packages of the kernel itself, which only tests boot.
    """

    declaration: str
    release: str
    version: str
    headers: list[LockedFile]
    image: list[LockedFile] = []


class LockedDriver(_Entry):
    """The exact version of a driver, and its files. `modules` lacks a module type that the source does not offer."""

    declaration: str
    version: str
    modules: dict[ModuleType, list[LockedFile]]
    userspace: list[LockedFile]

    @property
    def runfiles(self) -> list[LockedFile]:
        """NVIDIA's own installers among the user-space files. They are unpacked in a container."""
        return [file for file in self.userspace if format_of(file.file_name) is FileFormat.RUNFILE]


class LockedBase(_Entry):
    """A base image: the packages to bootstrap it from, or the digest to pull, and the id of the pulled image (`sha256:…`)."""

    declaration: str
    packages: list[LockedFile] = []
    digest: str | None = None
    id: str | None = None


class Lock(_Entry):
    """The whole file. Keys are `release/architecture`, `driver/architecture` and the names of image_versions."""

    format: int = Field(default=1, ge=1, le=1)
    kernels: dict[str, LockedKernel] = {}
    drivers: dict[str, LockedDriver] = {}
    bases: dict[str, LockedBase] = {}

    def kernel_for(self, combination: LockKeys) -> LockedKernel:
        """Return the kernel of a combination. Raises KeyError if it is not locked."""
        return self.kernels[kernel_key(combination.release, combination.architecture)]

    def driver_for(self, combination: LockKeys) -> LockedDriver:
        """Return the driver of a combination. Raises KeyError if it is not locked."""
        return self.drivers[driver_key(combination.declared_driver, combination.architecture)]

    def files(self) -> Iterator[LockedFile]:
        """Yield every locked file; a file with several uses comes several times."""
        for kernel in self.kernels.values():
            yield from [*kernel.headers, *kernel.image]
        for driver in self.drivers.values():
            for files in driver.modules.values():
                yield from files
            yield from driver.userspace
        for base in self.bases.values():
            yield from base.packages

    def dump(self) -> str:
        """Return the text of versions.lock: one line per locked file, in a stable order."""
        plain = self.model_dump(mode="json", exclude_none=True)
        for base in plain["bases"].values():
            # A base has either packages or a digest.
            base.pop("packages" if "digest" in base else "digest", None)
        for part in ("kernels", "drivers", "bases"):
            plain[part] = dict(sorted(plain[part].items()))
        return _HEADER + yaml.dump(plain, sort_keys=False, default_flow_style=None, width=10**6, allow_unicode=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read versions.lock; a missing file is an empty lock. Raises ConfigurationError for a malformed one."""
        if not path.exists():
            return cls()
        return cls.parse(read_text(path), file=path.name)

    @classmethod
    def parse(cls, text: str, *, file: str) -> Self:
        """Parse the text of versions.lock. Raises ConfigurationError for malformed text."""
        return validate(cls, read_yaml(text, file=file))
