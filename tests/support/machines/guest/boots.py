"""The boots that the tests inspect: they run in the background, as many at once as there are cores."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lifecycle.cache.cache import file_name
from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import Combination
from lifecycle.rehearsal.boot import BootPair
from tests.support.builders.corrupt_modules import flip_a_crc, import_a_missing_symbol
from tests.support.builders.installer_folders import make_home
from tests.support.builders.signing_keys import Pair, make_pair, sign
from tests.support.machines.guest.firmware import SecureBoot
from tests.support.machines.guest.machine import Boot, Machine
from tests.support.machines.guest.machine_parts import MachineParts
from tests.support.machines.guest.rehearsal import copy_home

# A boot with an installation takes 20 to 70 s on two busy cores; one that takes ten times as long hangs.
_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Boots:
    """Boots by name, each started once; `boots[name]` waits for its end. Console logs are kept below `kept`."""

    parts: MachineParts
    pool: ThreadPoolExecutor
    kept: Path
    begun: dict[str, Future[Boot]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Boot:
        return self.begun[name].result()

    def begin_installation(self, combination: Combination) -> None:
        """Start files/install.sh on a combination's own kernel; the boot's name is the combination's id."""
        self._begin(combination.id, "install", partial(self.parts.machine, combination))

    def begin_refusals(self, own: Combination, other: Combination) -> None:
        """Start an image on nodes that must refuse it; `other` has the same driver for another kernel."""
        machine = self.parts.machine
        self._begin("no GPU", "no-gpu", partial(machine, own, functions=()))
        self._begin("other kernel", "refuse", partial(machine, own, kernel_of=other))
        self._begin("signatures enforced", "refuse", partial(machine, own, options=["module.sig_enforce=1"]))
        self._begin("corrupted modules", "corrupted", partial(self._with_corrupted_modules, own, other))

    def begin_secure_boot(self, combination: Combination) -> None:
        """Start an image on a node with one trusted signer: unsigned, signed by a stranger, and by that signer."""
        self._begin("Secure Boot", "secure-boot", partial(self._with_signed_modules, combination))

    def begin_rehearsal(self, pair: BootPair, new: Combination) -> None:
        """Start files/rehearse.sh: the old image of a pair, that of the combination, and the old one again."""
        self._begin(pair.name, "rehearse", partial(self._with_old_image, pair, new))

    def _begin(self, name: str, script: str, make: Callable[[], Machine]) -> None:
        folder = self.kept / file_name(name.replace(" ", "-"))
        self.begun[name] = self.pool.submit(lambda: make().boot(script, folder, seconds=_SECONDS))

    def _with_corrupted_modules(self, own: Combination, other: Combination) -> Machine:
        over = self.parts.folder / "corrupted"
        homes = over / "homes"
        make_home(self.parts, own, homes / "other-release", lambda _: None, modules_of=other)
        make_home(self.parts, own, homes / "wrong-crc", lambda m: flip_a_crc(m / "nvidia.ko"), modules_of=own)
        make_home(
            self.parts,
            own,
            homes / "missing-symbol",
            lambda modules: import_a_missing_symbol(modules / "nvidia.ko"),
            modules_of=own,
        )
        return self.parts.machine(own, over=[over])

    def _with_old_image(self, pair: BootPair, new: Combination) -> Machine:
        over = self.parts.folder / file_name(pair.name.replace(" ", "-"))
        copy_home(self.parts.engine, pair.old, over / "homes/old")
        # The archives and the unpacked files of two drivers are in memory.
        return self.parts.machine(new, over=[over], memory_mib=5120)

    def _with_signed_modules(self, combination: Combination) -> Machine:
        over = self.parts.folder / "secure-boot"
        pairs = {
            "trusted": make_pair(self.parts.folder / "trusted", "Cluster team"),
            "stranger": make_pair(self.parts.folder / "stranger", "Somebody else"),
        }
        for name, pair in pairs.items():
            make_home(self.parts, combination, over / "homes" / name, partial(_sign, pair), modules_of=combination)
        firmware = SecureBoot(pairs["trusted"].certificate)
        return self.parts.machine(combination, over=[over], firmware=firmware)


def _sign(pair: Pair, modules: Path) -> None:
    for module in modules.glob("*.ko"):
        sign(module, pair)


@dataclass(frozen=True)
class Load:
    """The part of a boot in which the modules of one type were loaded."""

    boot: Boot
    module_type: ModuleType
    combination: Combination

    def text(self, section: str) -> str:
        return self.boot[f"{section} {self.module_type}"].text

    def code(self, section: str) -> int:
        return self.boot[f"{section} {self.module_type}"].code
