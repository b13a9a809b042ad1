"""A machine in QEMU, without KVM, that goes on running: its processes, its console, and snapshots of its whole state."""

import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.machines.cluster_node.disk import BootFiles
from tests.support.machines.guest.machine import FUNCTIONS_MEMORY, PROCESSOR, functions_options
from tests.support.machines.guest.pci import NVSWITCH, Function
from tests.support.servers.processes import Process, started, wait_until

KUBELET_PORT = 10250
# A snapshot writes the machine's memory.
_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A running machine, whose kubelet listens on the loopback address `name`; its files are in a folder."""

    name: str
    folder: Path
    process: Process

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    def processor_seconds(self) -> float:
        """Return the processor time that it has used (proc(5), utime and stime)."""
        fields = Path(f"/proc/{self.process.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def save(self, snapshot: str) -> None:
        """Save the state of processors, memory and disk under a name."""
        self._monitor(f"savevm {snapshot}")

    def load(self, snapshot: str) -> None:
        """Return to a saved state. The guest's clock stays behind by the time since then."""
        self._monitor(f"loadvm {snapshot}")

    def reset(self) -> None:
        """Restart it at once, as its reset button does."""
        self._monitor("system_reset")

    def _monitor(self, command: str) -> None:
        """Run a command of QEMU's monitor; raise AssertionError with its message if it fails (QEMU, docs/interop/qmp-spec)."""
        with closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(_SECONDS)
            connection.connect(str(self.folder / "monitor"))
            with connection.makefile("rw") as stream:
                stream.readline()
                for request in (
                    {"execute": "qmp_capabilities"},
                    {"execute": "human-monitor-command", "arguments": {"command-line": command}},
                ):
                    stream.write(json.dumps(request) + "\n")
                    stream.flush()
                    answer = _answer(stream)
        assert answer.get("return") == "", answer


def _answer(lines: Iterator[str]) -> dict[str, object]:
    """Return the next answer of QEMU, and skip its reports of events."""
    return next(answer for line in lines if "event" not in (answer := dict(json.loads(line))))


@contextmanager
def guest(
    name: str,
    files: BootFiles,
    folder: Path,
    *,
    processors: int = 1,
    functions: Sequence[Function] = (NVSWITCH,),
    memory_mib: int = 3072,
) -> Iterator[Guest]:
    """Start a machine, whose changes to its disk end with it, and stop it at the end."""
    folder.mkdir(parents=True)
    machine = ["-accel", "tcg", "-machine", "q35", "-cpu", PROCESSOR, "-smp", str(processors), "-m", str(memory_mib)]
    bare = ["-nodefaults", "-no-user-config", "-display", "none", "-serial", f"file:{folder / 'console.log'}"]
    monitor = ["-qmp", f"unix:{folder / 'monitor'},server=on,wait=off"]
    disk = [
        *("-drive", f"file={files.disk},format=raw,if=none,id=disk,snapshot=on,cache=unsafe"),
        *("-device", "virtio-blk-pci,drive=disk"),
    ]
    network = [
        *("-netdev", f"user,id=network,hostfwd=tcp:{name}:{KUBELET_PORT}-:{KUBELET_PORT}"),
        *("-device", "virtio-net-pci,netdev=network,romfile="),
    ]
    options = f"console=ttyS0 panic=-1 quiet net.ifnames=0 node={name} {FUNCTIONS_MEMORY}"
    kernel = ["-kernel", str(files.kernel), "-initrd", str(files.initramfs), "-append", options]
    devices = functions_options(functions, folder)
    command = ["qemu-system-x86_64", *machine, *bare, *monitor, *disk, *network, *devices, *kernel]
    # The snapshot of the disk is a file below TMPDIR (qemu(1), -snapshot).
    with started(command, folder / "log", environ={"TMPDIR": str(folder), "PATH": "/usr/bin:/bin"}) as process:
        wait_until((folder / "monitor").exists, process, str(folder / "monitor"))
        yield Guest(name=name, folder=folder, process=process)
