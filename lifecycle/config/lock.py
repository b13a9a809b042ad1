"""versions.lock: the exact version, origin, size and sha256 of every input. `invoke fetch` writes it; it is committed.

Each entry has the digest of the declaration that it was resolved from. So only the entry of a changed declaration is stale and
resolved again; all others stay as they are.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Protocol, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field

from lifecycle.config.references import DIGEST
from lifecycle.config.schema import Architecture, Loc, ModuleType, formed, shown
from lifecycle.config.validation import describe, read_document, read_text, validate
from lifecycle.errors import ConfigurationError
from lifecycle.tools.file_format import FileFormat, format_of
from lifecycle.yamledit.limits import Limits
from lifecycle.yamledit.reader import Document

FORMAT = 1
# Some 30,000 files: the builders of a hundred OS releases.
LIMITS = Limits(characters=1 << 26, nodes=400_000)
_CONFLICT = "keep one side (`git checkout --theirs versions.lock`) and run `invoke fetch`, which resolves the rest"
_NAME = re.compile(r"(?!\.{1,2}$)[^/\s]+")
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_-]*")
_NUMBERS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})*")
_DIGEST = re.compile(DIGEST)
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
    sha256: Annotated[str, formed(r"[0-9a-f]{64}", "a sha256: restore the file from git")]

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

    format: int = Field(default=FORMAT, ge=FORMAT, le=FORMAT)
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
        return _HEADER + yaml.dump(
            plain, sort_keys=False, default_flow_style=None, width=10**6, allow_unicode=True, Dumper=yaml.CSafeDumper
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read versions.lock; a missing file is an empty lock. Raises ConfigurationError for a malformed one."""
        if not path.exists():
            return cls()
        return cls.parse(read_text(path), file=path.name)

    @classmethod
    def parse(cls, text: str, *, file: str) -> Self:
        """Parse the text of versions.lock. Raises ConfigurationError for malformed text."""
        document = read_document(text, file=file, limits=LIMITS, conflict=_CONFLICT)
        _check_format(document)
        lock = validate(cls, document)
        problems = [describe(document, loc, f"{shown(value)} {_WRITTEN}") for loc, value in _malformed(lock)]
        if problems:
            raise ConfigurationError(problems)
        return lock


_WRITTEN = "is nothing that `invoke fetch` writes: restore the file from git"


def _check_format(document: Document) -> None:
    """Raise ConfigurationError for a file of a later version of this project, whose other keys may be unknown."""
    found = document.data.get("format") if isinstance(document.data, dict) else None
    if isinstance(found, str) and re.fullmatch(r"[0-9]{1,9}", found) and int(found) > FORMAT:
        problem = f"the file has the format {found}, which a newer version of this project writes: update this checkout"
        raise ConfigurationError([describe(document, ("format",), problem)])


def _malformed(lock: Lock) -> Iterator[tuple[Loc, str]]:
    """Yield the texts that become parts of paths, tags and commands, but do not have the form of one, with their places."""
    texts: list[tuple[re.Pattern[str], Loc, str]] = []
    for key, kernel in lock.kernels.items():
        texts.append((_RELEASE, ("kernels", key, "release"), kernel.release))
        texts.append((_NUMBERS, ("kernels", key, "version"), kernel.version))
        texts += _names(("kernels", key, "headers"), kernel.headers)
        texts += _names(("kernels", key, "image"), kernel.image)
    for key, driver in lock.drivers.items():
        texts.append((_NUMBERS, ("drivers", key, "version"), driver.version))
        texts += _names(("drivers", key, "userspace"), driver.userspace)
        for module_type, files in driver.modules.items():
            texts += _names(("drivers", key, "modules", str(module_type)), files)
    for key, base in lock.bases.items():
        texts += _names(("bases", key, "packages"), base.packages)
        texts += [(_DIGEST, ("bases", key, "digest"), base.digest)] if base.digest is not None else []
        texts += [(_DIGEST, ("bases", key, "id"), base.id)] if base.id is not None else []
    return ((loc, text) for form, loc, text in texts if not form.fullmatch(text))


def _names(place: Loc, files: Iterable[LockedFile]) -> Iterator[tuple[re.Pattern[str], Loc, str]]:
    for index, file in enumerate(files):
        yield _NAME, (*place, index, "name"), file.name
        yield _NAME, (*place, index, "version"), file.version
        yield _NAME, (*place, index, "origin"), file.file_name
