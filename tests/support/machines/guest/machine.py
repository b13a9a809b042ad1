"""Boots of a kernel in QEMU, without KVM, with an initramfs and PCI functions of our choice, and their results.

The guest writes its results to its second serial line, in sections that files/init frames. The first serial line is the
kernel's console, which is only kept for people to read.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.machines.guest.firmware import SecureBoot
from tests.support.machines.guest.pci import Function, config_space

GUEST = Path(__file__).parent / "files"
# files/nvswitch.dsl names the same address.
_CONFIG_SPACE = 0x30000000
# The kernel's option that keeps it from using the memory of the functions' configuration space.
FUNCTIONS_MEMORY = f"memmap=1M${_CONFIG_SPACE:#x}"
# cx16=off: QEMU 7.2's emulation of cmpxchg16b makes kernel 6.12.95 oops at random places.
PROCESSOR = "max,cx16=off"
_SECTION = re.compile(
    r"^@@ begin (?P<name>[\w .-]+)\n(?P<text>.*?)^@@ end (?P=name) code=(?P<code>\d+) seconds=(?P<seconds>[\d.]+)\n",
    re.MULTILINE | re.DOTALL,
)
_ENDED = re.compile(r"^@@ ended after (?P<boot>[\d.]+) s of boot$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """The output of one command in the guest, its exit code, and its duration in seconds by the guest's clock."""

    text: str
    code: int
    seconds: float

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@dataclass(frozen=True)
class Boot:
    """A machine that was booted and has powered itself off; `boot_seconds` is the kernel's uptime when /init started."""

    sections: dict[str, Section]
    boot_seconds: float
    console: Path

    def __getitem__(self, name: str) -> Section:
        return self.sections[name]

    @property
    def seconds(self) -> str:
        """Return a text with the duration of the boot and of each installation, in seconds."""
        installs = [f"{n} {s.seconds:.1f} s" for n, s in self.sections.items() if n.startswith("install")]
        return ", ".join([f"boot {self.boot_seconds:.1f} s", *installs])


class BootError(AssertionError):
    """A guest that did not finish its work: it hung, or its kernel panicked."""

    def __init__(self, why: str, console: Path) -> None:
        said = console.read_text(errors="replace").splitlines()[-40:] if console.exists() else []
        super().__init__("\n".join([f"{why}; the end of its console, {console}:", *said]))


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine to boot: its kernel, its initramfs (cpio archives, unpacked in order), and its PCI functions."""

    kernel: Path
    initramfs: Sequence[Path]
    functions: Sequence[Function] = ()
    options: Sequence[str] = ()
    memory_mib: int
    firmware: SecureBoot | None = None

    def boot(self, script: str, folder: Path, *, seconds: int) -> Boot:
        """Run /guest/<script> as the guest's only work until it powers off; raise BootError after `seconds`."""
        folder.mkdir(parents=True, exist_ok=True)
        console, results = folder / "console.log", folder / "results.log"
        command = self._command(script, folder, console, results)
        with (folder / "qemu.log").open("wb") as log:
            try:
                subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=seconds)
            except subprocess.TimeoutExpired as error:
                raise BootError(f"the guest did not power off within {seconds} s", console) from error
        return read_results(results, console)

    def _command(self, script: str, folder: Path, console: Path, results: Path) -> list[str]:
        initramfs = folder / "initramfs.cpio"
        with initramfs.open("wb") as whole:
            for part in self.initramfs:
                whole.write(part.read_bytes())
        kind = "q35,smm=on" if self.firmware else "q35"
        machine = ["-accel", "tcg", "-machine", kind, "-cpu", PROCESSOR, "-smp", "1", "-m", str(self.memory_mib)]
        bare = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-net", "none"]
        serial = ["-serial", f"file:{console}", "-serial", f"file:{results}"]
        options = ["console=ttyS0", "panic=-1", "quiet", f"guest.script={script}", *self.options]
        functions: list[str] = []
        if self.functions:
            options.append(FUNCTIONS_MEMORY)
            functions = functions_options(self.functions, folder)
        kernel = ["-kernel", str(self.kernel), "-initrd", str(initramfs), "-append", " ".join(options)]
        firmware = self.firmware.options(folder) if self.firmware else []
        return ["qemu-system-x86_64", *machine, *bare, *serial, *firmware, *functions, *kernel]


def functions_options(functions: Sequence[Function], folder: Path) -> list[str]:
    """Return QEMU's options for PCI functions, whose files are kept in a folder. The kernel needs FUNCTIONS_MEMORY."""
    space, table = folder / "config-space", folder / "nvswitch"
    space.write_bytes(config_space(functions))
    subprocess.run(["iasl", "-p", str(table), str(GUEST / "nvswitch.dsl")], check=True, capture_output=True)
    loader = f"loader,file={space},addr={_CONFIG_SPACE:#x},force-raw=on"
    return ["-acpitable", f"file={table}.aml", "-device", loader]


def read_results(results: Path, console: Path) -> Boot:
    """Return the results that the guest wrote to its second serial line; raise BootError if their end is missing."""
    text = results.read_text(errors="replace").replace("\r\n", "\n")
    sections = {
        match["name"]: Section(match["text"], int(match["code"]), float(match["seconds"]))
        for match in _SECTION.finditer(text)
    }
    ended = _ENDED.search(text)
    if not ended:
        raise BootError(f"the guest ended before its work did, after: {', '.join(sections) or 'nothing'}", console)
    return Boot(sections, float(ended["boot"]), console)
