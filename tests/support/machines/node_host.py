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

NODE = ROOT / "scripts/node"
KERNEL = "6.12.117+deb13-cloud-amd64"
DRIVER = "550.163.01"
NAME = f"{DRIVER}-{KERNEL}"
OLD_DRIVER = "535.309.01"
OLD_NAME = f"{OLD_DRIVER}-{KERNEL}"
MODULES = ("nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem")
LOADED = {"nvidia", "nvidia_modeset", "nvidia_drm", "nvidia_uvm"}
MODULE_FOLDER = f"lib/modules/{KERNEL}/kernel/drivers/video/nvidia"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
H100, V100, B200, H100_SWITCH = "2330", "1db6", "2901", "22a3"

READING = (
    "bash",
    "cat",
    "comm",
    "df",
    "env",
    "find",
    "flock",
    "grep",
    "ls",
    "mktemp",
    "modinfo",
    "readlink",
    "realpath",
    "sed",
    "setsid",
    "sha256sum",
    "sleep",
    "sort",
    "tail",
    "timeout",
    "tr",
    "zstd",
)
WRITING = ("depmod", "ln", "mkdir", "mv", "rm", "rmdir", "tar")

# The kernel's side of the tools, with what is loaded in sysfs. nvidia-peermem never loads on a stock kernel.
UNAME = f'case $1 in -r) echo "${{KERNEL:-{KERNEL}}}" ;; -m) echo "${{MACHINE:-x86_64}}" ;; esac'
HOLD = """\
count() { ls "$SYSFS_ROOT/module/$1/holders" | wc -l >"$SYSFS_ROOT/module/$1/refcnt"; }
held_by() { case $1 in nvidia_uvm | nvidia_modeset) echo nvidia ;; nvidia_drm) echo nvidia_modeset ;; esac; }
"""
MODPROBE = f"""\
{HOLD}
[ "$1" = -d ] || exit 1
file=$2/{MODULE_FOLDER}/$3.ko
case " nvidia-peermem ${{REFUSED:-}} " in
  *" $3 "*) echo "modprobe: ERROR: could not insert '$3': ${{REASON:-Invalid argument}}" >&2; exit 1 ;;
esac
name=$(echo "$3" | tr - _)
folder=$SYSFS_ROOT/module/$name
case $3 in nvidia*) [ -f "$file" ] && [ -f "$2/lib/modules/{KERNEL}/modules.dep" ] || exit 1 ;; esac
mkdir -p "$folder/holders"
echo 0 >"$folder/refcnt"
case $3 in nvidia) for key in version srcversion; do modinfo -F $key "$file" >"$folder/$key"; done ;; esac
for held in $(held_by "$name"); do mkdir "$SYSFS_ROOT/module/$held/holders/$name"; count "$held"; done
"""
RMMOD = f"""\
{HOLD}
name=$(echo "$1" | tr - _)
[ -z "$(ls "$SYSFS_ROOT/module/$name/holders")" ] || {{ echo "rmmod: ERROR: Module $1 is in use" >&2; exit 1; }}
rm -r "$SYSFS_ROOT/module/$name"
for held in $(held_by "$name"); do rmdir "$SYSFS_ROOT/module/$held/holders/$name"; count "$held"; done
"""
DMESG = """\
echo '[    1.0] Booting'
echo '[    2.0] nvidia: disagrees about version of symbol module_layout'
"""
# A device file is a file that says what it would be.
MKNOD = 'echo "c $5 $6 $2" >"$3"'
STAT = """\
case $1 in --printf=%t:%T*) ;; *) exec stat "$@" ;; esac
format=$1
shift 2
for path; do
  kind= major= minor=
  read -r kind major minor _ 2>/dev/null <"$path" || continue
  case $kind-$format in
    c-*%n*) printf '%x:%x %s\\n' "$major" "$minor" "$path" ;;
    c-*) printf '%x:%x' "$major" "$minor" ;;
  esac
done
"""
LDCONFIG = 'echo cache >"$2/etc/ld.so.cache"'
STUBS = {
    "uname": UNAME,
    "modprobe": MODPROBE,
    "rmmod": RMMOD,
    "dmesg": DMESG,
    "mknod": MKNOD,
    "stat": STAT,
    "ldconfig": LDCONFIG,
    "id": "echo ${USER_ID:-0}",
    # The real one waits for whatever else this machine writes.
    "sync": 'for path; do :; done; [ -e "$path" ]',
    "mount": ":",
    "umount": ":",
}
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
