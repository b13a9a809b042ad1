"""The GPUs that a driver drives, by the table and the rules of the node's scripts, which are read and not repeated here. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.validation import read_text
from lifecycle.config.versions import driver_branch
from lifecycle.errors import InstallerError

_RANGES = Path("scripts/node/lib/modules/supported-gpus.sh")
_PREFERENCE = Path("scripts/node/lib/modules/module-type.sh")
_ROW = re.compile(r'^  "([0-9a-f]{4}) ([0-9a-f]{4}) (\d+) (\d+) (both|open|proprietary) ([^"]+)"$', re.MULTILINE)
_FIRST_OPEN = re.compile(r"^readonly FIRST_OPEN_BRANCH=(\d+)$", re.MULTILINE)
_LEGACY = re.compile(r"legacy:([1-9][0-9]*)")
_BOTH = "both"
# The values of `nvidia.com/gpu.family` and the generations of the table. GPU feature discovery before 0.15 says ampere for all
# GPUs of compute capability 8. Source: NVIDIA/k8s-device-plugin, internal/lm/resource.go, getArchFamily.
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "fermi": ("Fermi",),
    "kepler": ("Kepler",),
    "maxwell": ("Maxwell",),
    "pascal": ("Pascal",),
    "volta": ("Volta",),
    "turing": ("Turing",),
    "ampere": ("Ampere", "Ada"),
    "ada-lovelace": ("Ada",),
    "hopper": ("Hopper", "Grace Hopper"),
    "blackwell": ("Blackwell", "Blackwell Ultra"),
}


class UnknownTableError(InstallerError):
    """A script of the node without the table or the branch that are read from it."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} is not in the known form", resolution="Restore the file from git.")


@dataclass(frozen=True, kw_only=True)
class GpuNeed:
    """The first and last branch (0 for no limit) and the module types that drive a GPU; `generation` is "" for an unknown id."""

    first: int
    last: int
    types: str
    generation: str

    def module_types(self, driver: str) -> frozenset[str]:
        """Return the module types with which a driver drives the GPU."""
        branch = int(driver_branch(driver))
        if branch < self.first or (self.last and branch > self.last):
            return frozenset()
        return frozenset(map(str, ModuleType)) if self.types == _BOTH else frozenset({self.types})

    def __str__(self) -> str:
        need = f"a driver of branch {self.last} or older" if self.last else ""
        need = f"a driver of branch {self.first} or newer" if self.first and not need else need
        if self.types == _BOTH:
            return need
        return f"{need} with {self.types} modules" if need else f"{self.types} modules"


@dataclass(frozen=True, kw_only=True)
class GpuTable:
    """The ranges of device ids of the node's scripts, and the first branch for which they prefer open modules."""

    ranges: tuple[tuple[int, int, GpuNeed], ...]
    first_open: int

    def need(self, device: str, listed: Mapping[str, str]) -> GpuNeed:
        """Return the need of a GPU by its device id. `listed` is the driver's own list, which counts more than the table.

        An id that neither knows is taken for a newer GPU, which needs open modules, as on the node.
        """
        number = int(device, 16)
        unknown = GpuNeed(first=0, last=0, types=str(ModuleType.OPEN), generation="")
        known = next((need for first, last, need in self.ranges if first <= number <= last), unknown)
        support = listed.get(device, "")
        if legacy := _LEGACY.fullmatch(support):
            types = str(ModuleType.PROPRIETARY)
            return GpuNeed(first=0, last=int(legacy[1]), types=types, generation=known.generation)
        if support in (_BOTH, *ModuleType):
            return GpuNeed(first=0, last=0, types=support, generation=known.generation)
        return known

    def needs_of_family(self, family: str) -> tuple[GpuNeed, ...]:
        """Return the needs of all GPUs of a family, each once; none for an unknown family."""
        generations = _FAMILIES.get(family, ())
        return tuple(dict.fromkeys(need for _, _, need in self.ranges if need.generation in generations))

    def preferred_types(self, driver: str, architecture: str | None) -> tuple[ModuleType, ModuleType]:
        """Return both module types, first the one that a node tries first."""
        if architecture == Architecture.ARM64 or int(driver_branch(driver)) >= self.first_open:
            return ModuleType.OPEN, ModuleType.PROPRIETARY
        return ModuleType.PROPRIETARY, ModuleType.OPEN


def read_gpu_table(root: Path) -> GpuTable:
    """Return the table in the scripts of a checkout. Raises UnknownTableError, ConfigurationError."""
    rows = _ROW.findall(read_text(root / _RANGES))
    first_open = _FIRST_OPEN.search(read_text(root / _PREFERENCE))
    if not rows:
        raise UnknownTableError(_RANGES)
    if not first_open:
        raise UnknownTableError(_PREFERENCE)
    return GpuTable(ranges=tuple(_range(*row) for row in rows), first_open=int(first_open[1]))


def _range(low: str, high: str, first: str, last: str, types: str, generation: str) -> tuple[int, int, GpuNeed]:
    return int(low, 16), int(high, 16), GpuNeed(first=int(first), last=int(last), types=types, generation=generation)
