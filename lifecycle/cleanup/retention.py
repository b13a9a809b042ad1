"""The decision on an item, the kinds of items in the cache, and the age that keeps an item. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Self, TypeVar

from lifecycle.config.lock import Lock
from lifecycle.errors import UsageError
from lifecycle.planning.targets import Kind

NEEDED = "a current combination needs it"
UNNEEDED = "no current combination needs it"

_AGE = re.compile(r"([0-9]{1,9})([smhdw])")
_T = TypeVar("_T")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class ItemKind(StrEnum):
    """The kinds of items in a cache, by their names for people, in the order of a table."""

    HEADERS = "kernel headers"
    SOURCES = "driver sources"
    USERSPACE = "user-space packages"
    BASES = "base packages"
    KERNELS = "kernels, for tests"
    OTHERS = "other inputs"
    MODULES = "compiled modules"
    SIGNED = "signed modules"
    USERSPACE_ARCHIVES = "user-space archives"
    ARCHIVES = "modules archives"
    RESULTS = "other results"
    DOWNLOADS = "unfinished downloads"
    LEFTOVERS = "left by killed runs"
    LISTS = "apt lists"
    ANSWERS = "conftest answers"
    LOGS = "logs"
    BOOKS = "the cache's own books"
    OUTDATED = "written by older versions"
    FOREIGN = "not ours"


@dataclass(frozen=True, kw_only=True)
class Decision(Generic[_T]):
    """The decision on one item: `reason` is why it is needed or not.

    Needed items stay. `kept` is why an item stays that is not needed, or "".
    """

    item: _T
    needed: bool
    reason: str
    kept: str = ""

    @property
    def to_remove(self) -> bool:
        """True if the item is to be removed."""
        return not self.needed and not self.kept


@dataclass(frozen=True, kw_only=True)
class Age:
    """An age as in --older-than: items that were used within it stay. `text` is how the user wrote it."""

    seconds: int
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `90s`, `30m`, `12h`, `30d` or `4w`. Raises UsageError."""
        match = _AGE.fullmatch(text)
        if not match:
            raise UsageError(f"--older-than {text!r} is no age: write a number and s, m, h, d or w, such as 30d")
        return cls(seconds=int(match[1]) * _SECONDS[match[2]], text=text)

    def keeps(self, used: float, now: float) -> str:
        """Return why an item stays that was last used at `used`; "" if it does not. Times are in seconds since 1970."""
        return f"it was used within {self.text}" if now - used < self.seconds else ""


def roles_of(lock: Lock) -> dict[str, ItemKind]:
    """Return the kind of each locked file, by its sha256."""
    drivers = lock.drivers.values()
    parts = [(ItemKind.BASES, base.packages) for base in lock.bases.values()]
    parts += [(ItemKind.USERSPACE, driver.userspace) for driver in drivers]
    parts += [(ItemKind.SOURCES, files) for driver in drivers for files in driver.modules.values()]
    parts += [(ItemKind.KERNELS, kernel.image) for kernel in lock.kernels.values()]
    parts += [(ItemKind.HEADERS, kernel.headers) for kernel in lock.kernels.values()]
    return {file.sha256: what for what, files in parts for file in files}


def roles_in(kind: str, inputs: Mapping[str, object]) -> dict[str, ItemKind]:
    """Return the kind of each input file of a target, by its sha256. So files of earlier locks are known too."""
    packages = ItemKind.USERSPACE if kind == Kind.USERSPACE else ItemKind.BASES
    parts = {"kernel": ItemKind.HEADERS, "sources": ItemKind.SOURCES, "packages": packages}
    return {
        sha256: what
        for name, what in parts.items()
        for files in [inputs.get(name)]
        if isinstance(files, Mapping)
        for sha256 in files.values()
    }
