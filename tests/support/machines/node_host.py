"""A node for the tests of scripts/node: its host, kernel and PCI bus are folders, and its image is small.

Archives, modules and tools are real. Programs that would reach this machine's kernel or devices are stubs. PATH holds
only programs that the image contains, so a script that needs any other program fails here.
"""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.machines.node_programs import KERNEL

NODE = ROOT / "scripts/node"
DRIVER = "550.163.01"
NAME = f"{DRIVER}-{KERNEL}"
OLD_DRIVER = "535.309.01"
OLD_NAME = f"{OLD_DRIVER}-{KERNEL}"
MODULES = ("nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem")
LOADED = {"nvidia", "nvidia_modeset", "nvidia_drm", "nvidia_uvm"}
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
H100, V100, B200, H100_SWITCH = "2330", "1db6", "2901", "22a3"

DEVICES = "Character devices:\n  1 mem\n195 nvidia\n234 nvidia-caps\n238 nvidia-uvm\n\nBlock devices:\n  8 sd\n"


def executable(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A host, the image of a container on it, and the one folder on PATH; every call of a stub is a line of `calls`."""

    folder: Path
    modules: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def image(self) -> Path:
        return self.folder / "image"

    @property
    def host(self) -> Path:
        return self.folder / "host"

    @property
    def drivers(self) -> Path:
        return self.host / "opt/nvidia"

    @property
    def sysfs(self) -> Path:
        return self.folder / "sys"

    @property
    def proc(self) -> Path:
        return self.folder / "proc"

    @property
    def firmware_path(self) -> Path:
        return self.sysfs / "module/firmware_class/parameters/path"

    @property
    def programs(self) -> Path:
        return self.folder / "bin"

    def stub(self, name: str, body: str) -> None:
        (self.programs / name).unlink(missing_ok=True)
        call = f'echo "{name} $*" >>{shlex.quote(str(self.folder / "calls"))}'
        executable(self.programs / name, f"{call}\nPATH={SYSTEM_PATH}\n{body}")

    def calls(self, name: str) -> list[str]:
        log = self.folder / "calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]

    def env(self) -> dict[str, str]:
        return {
            "PATH": str(self.programs),
            "NVIDIA_INSTALLER_HOME": str(self.image),
            "HOST_ROOT": str(self.host),
            "PARAMETERS_DIR": str(self.folder / "drivers"),
            "SYSFS_ROOT": str(self.sysfs),
            "PROC_ROOT": str(self.proc),
            "DEV_ROOT": str(self.folder / "dev"),
            "POLL_SECONDS": "0.05",
            **self.environment,
        }

    def run(self, *arguments: str, program: Path = NODE / "nvidia-installer") -> subprocess.CompletedProcess[str]:
        command = [str(program), *arguments]
        # A session of its own, so that a stub can kill the whole run and nothing but the run.
        return subprocess.run(
            command, env=self.env(), capture_output=True, text=True, check=False, start_new_session=True, timeout=60
        )

    def installs(self, *arguments: str) -> str:
        """Run `install`, assert that it succeeds, and return its messages."""
        done = self.run("install", *arguments)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert all(line.startswith("nvidia-installer: ") for line in done.stderr.splitlines()), done.stderr
        return done.stderr

    def loaded(self) -> set[str]:
        """Return the names of the NVIDIA modules that the kernel has loaded."""
        return {path.name for path in (self.sysfs / "module").iterdir() if path.name.startswith("nvidia")}

    def add_to_bus(self, address: str, device: str, pci_class: str = "030200") -> Path:
        """Put an NVIDIA function on the PCI bus, replace one with the same address, and return its folder in sysfs."""
        folder = self.sysfs / "bus/pci/devices" / address
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in {"vendor": "10de", "device": device, "class": pci_class}.items():
            (folder / name).write_text(f"0x{value}\n")
        return folder

    def empty_bus(self) -> None:
        shutil.rmtree(self.sysfs / "bus")

    def pretend_loaded(self, version: str, srcversion: str = "0123456789ABCDEF0123456") -> None:
        """Pretend that another program has loaded an nvidia.ko of this version."""
        folder = self.sysfs / "module/nvidia"
        (folder / "holders").mkdir(parents=True)
        for name, value in {"version": version, "srcversion": srcversion, "refcnt": "0"}.items():
            (folder / name).write_text(f"{value}\n")

    def add_process(self, pid: int, command: str, *files: str, cgroup: str = "/") -> None:
        folder = self.proc / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_text(f"{command}\n")
        (folder / "cmdline").write_text(f"{command}\0")
        (folder / "cgroup").write_text(f"0::{cgroup}\n")
        for number, file in enumerate(("/dev/null", *files)):
            (folder / f"fd/{number}").symlink_to(file)

    def tree(self) -> dict[str, object]:
        """Return the mode, and the content or link target, of each path on the host, in sysfs and in /dev."""
        return {path: (mode, content) for path, (mode, content, _) in self.stat().items()}

    def stat(self) -> dict[str, tuple[int, object, tuple[int, ...]]]:
        """Return the result of `tree` with inodes and times, which tell an untouched file from a rewritten one."""
        roots = [root for root in (self.host, self.sysfs, self.folder / "dev") if root.exists()]
        return {name: value for root in roots for name, value in describe(root, self.folder)}


def describe(root: Path, base: Path) -> Iterator[tuple[str, tuple[int, object, tuple[int, ...]]]]:
    for path in (root, *sorted(root.rglob("*"))):
        info = path.lstat()
        content = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        if path.name == "installed.list":
            content = None  # it has the times of depmod's files
        name = str(path.relative_to(base))
        # A run that finds no /run/nvidia makes it for its lock, and removes it.
        times = () if name == "host/run" else (info.st_ino, info.st_mtime_ns, info.st_ctime_ns)
        yield name, (info.st_mode, content, times)


def uninstalls(node: Node, *arguments: str) -> str:
    done = node.run("uninstall", *arguments)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return done.stderr


def own(tree: dict[str, object]) -> dict[str, object]:
    """Return a tree without the kernel's own module that ours need, and without the folder that every /dev has."""
    return {
        path: value
        for path, value in tree.items()
        if not path.startswith(("sys/module/drm", "host/dev/char", "dev/char"))
    }
