"""A Debian 13 in a folder. Its container engines know CDI, which those of Debian 12 do not."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.sources.apt.machine import MachineArchives

SUITE = "trixie"
PACKAGES = ("ca-certificates", "containerd", "crun", "docker-cli", "docker.io", "podman", "runc")
ENTER = Path(__file__).parent / "files/engine-root.sh"


@dataclass(frozen=True)
class EngineRoot:
    """The folder with mounts and processes of its own (namespaces(7)), and the process that holds them."""

    folder: Path
    holder: int

    def command(self, *words: object) -> list[str]:
        """Return the command line that runs a command in the folder."""
        names = f"/proc/{self.holder}/ns"
        spaces = (f"--mount={names}/mnt", f"--net={names}/net", f"--pid={names}/pid_for_children")
        return [
            "nsenter",
            *spaces,
            "chroot",
            str(self.folder),
            "env",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            *map(str, words),
        ]

    def run(self, *words: object, data: bytes = b"") -> str:
        """Run a command with an input, assert that it succeeds, and return its output."""
        done = subprocess.run(self.command(*words), input=data, capture_output=True, check=False)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        return done.stdout.decode()

    def succeeds(self, *words: object) -> bool:
        """Run a command, and return whether it succeeds."""
        return not subprocess.run(self.command(*words), capture_output=True, check=False).returncode

    def write(self, path: str, text: str) -> None:
        """Write a file in the folder."""
        self.run("tee", path, data=text.encode())


def engines_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder with the Debian, which is made once (200 MB, more than a minute)."""
    cache = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nvidia-installer-engines"
    folder = cache / hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:16]
    if folder.exists():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=cache, prefix="unfinished-") as name:
        repository = AptRepository(archive="Debian", suite=SUITE, components=["main"])
        archive = MachineArchives().archive(repository, Architecture.AMD64)
        source = f"deb [signed-by={archive.options['Signed-By']}] {archive.uris[0]} {SUITE} main"
        command = ["mmdebstrap", "--mode=root", "--variant=apt", f"--include={','.join(PACKAGES)}"]
        done = subprocess.run(
            [*command, SUITE, Path(name) / "root", source], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        shutil.move(Path(name) / "root", folder)
    return folder


@contextmanager
def engine_root(drivers: Path) -> Iterator[EngineRoot]:
    """Start a Debian with these drivers in /opt/nvidia; its processes end with the block, and with the tests."""
    folder = engines_folder(os.environ)
    # A network of its own, because a dockerd without a bridge removes the bridge of another one.
    unshare = ["unshare", "--mount", "--propagation=private", "--net", "--pid", "--fork", "--kill-child"]
    with subprocess.Popen(
        [*unshare, ENTER, folder, drivers], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield EngineRoot(folder, process.pid)
