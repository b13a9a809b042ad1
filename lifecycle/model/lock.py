"""versions.lock: every input's exact version, origin, size and sha256. Written by `invoke fetch`, committed, read by all.

Each entry carries the digest of the declaration it answers, so that a changed declaration is resolved anew and
everything else stays exactly as it was.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field

from lifecycle.model.layout import Packing, packing_of
from lifecycle.model.schema import ModuleType
from lifecycle.model.validation import read_text, validate
from lifecycle.model.yaml_text import read_yaml

_HEADER = "# Written by `invoke fetch`: every input's exact version, origin, size in bytes and sha256. Commit it; do not edit it.\n"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LockedFile(_Part):
    """One input file: `origin` is the archive's label and the path in it (`Debian/pool/main/…`)."""

    name: str
    version: str
    origin: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def file_name(self) -> str:
        """The name that it has where it comes from."""
        return self.origin.rpartition("/")[2]


class LockedKernel(_Part):
    """A release's kernel: `release` is `uname -r`, `version` upstream Linux's; `image` is what boots, for tests only."""

    declaration: str
    release: str
    version: str
    headers: list[LockedFile]
    image: list[LockedFile] = []


class LockedDriver(_Part):
    """A driver's exact version and its files; a module type that the source lacks is not there."""

    declaration: str
    version: str
    modules: dict[ModuleType, list[LockedFile]]
    userspace: list[LockedFile]

    @property
    def runfiles(self) -> list[LockedFile]:
        """NVIDIA's own installers among the files of user space, which are unpacked in a container."""
        return [file for file in self.userspace if packing_of(file.file_name) is Packing.RUNFILE]


class LockedBase(_Part):
    """A base image: the packages it is bootstrapped from, or the digest of the one that is pulled, and its id (`sha256:…`)."""

    declaration: str
    packages: list[LockedFile] = []
    digest: str | None = None
    id: str | None = None


class Lock(_Part):
    """The whole file, keyed by `release/architecture`, `driver/architecture` and the name in image_versions."""

    format: int = Field(default=1, ge=1, le=1)
    kernels: dict[str, LockedKernel] = {}
    drivers: dict[str, LockedDriver] = {}
    bases: dict[str, LockedBase] = {}

    def files(self) -> Iterator[LockedFile]:
        """Every file it names, some more than once."""
        for kernel in self.kernels.values():
            yield from [*kernel.headers, *kernel.image]
        for driver in self.drivers.values():
            for files in driver.modules.values():
                yield from files
            yield from driver.userspace
        for base in self.bases.values():
            yield from base.packages

    def dump(self) -> str:
        """The text of the file: one line a locked file, in a stable order."""
        plain = self.model_dump(mode="json", exclude_none=True)
        for base in plain["bases"].values():
            # A base has either packages or a digest.
            base.pop("packages" if "digest" in base else "digest", None)
        for part in ("kernels", "drivers", "bases"):
            plain[part] = dict(sorted(plain[part].items()))
        return _HEADER + yaml.dump(plain, sort_keys=False, default_flow_style=None, width=10**6, allow_unicode=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file; an absent one is an empty lock. Raises ConfigurationError for an ill-formed one."""
        if not path.exists():
            return cls()
        return cls.parse(read_text(path), file=path.name)

    @classmethod
    def parse(cls, text: str, *, file: str) -> Self:
        """Read the text of a lock file; raises ConfigurationError for an ill-formed one."""
        return validate(cls, read_yaml(text, file=file))
