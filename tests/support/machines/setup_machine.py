"""Machines made up of stubs for `scripts/setup`: each has a PATH of its own."""

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

REAL = (
    "bash",
    "sh",
    "cat",
    "chmod",
    "dirname",
    "env",
    "grep",
    "id",
    "mktemp",
    "rm",
    "sed",
    "setsid",
    "sha256sum",
    "sort",
    "tail",
    "timeout",
)
STUBBED = (
    "mmdebstrap",
    "apt-ftparchive",
    "gpgv",
    "gpg",
    "gpg-agent",
    "zstd",
    "modinfo",
    "git",
    "gcc",
    "xz",
    "sleep",
    "qemu-system-x86_64",
    "iasl",
    "bsdtar",
    "openssl",
    "newuidmap",
)
DOCKER = "[ -e /var/run/docker.sock ]"
DOCKERD = """\
[ ! -e /var/run/docker.pid ] || exit 1
echo $$ >/var/run/docker.pid
touch /var/run/docker.sock
tail -f /dev/null &
wait
"""
# Asked for what it knows of its archives, apt-get answers from its lists, if it has them.
ASKED = '[ "$1" = indextargets ] && { cat ../lists; exit; }'
COMPONENT = """\
- {archive: Debian, suite: bookworm}
- {archive: Debian-Security, suite: bookworm-security}
# - {archive: Retired, suite: old}
"""
PYTHON = """\
[ "$*" = "-m venv --clear .venv" ] || exit 0
mkdir -p .venv/bin
ln -sf "$(command -v pip-stub)" .venv/bin/python
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A checkout, and the one folder on PATH; every call of a stub is a line of `calls`."""

    checkout: Path
    programs: Path

    def stub(self, name: str, body: str = "") -> None:
        program = self.programs / name
        asked = ASKED if name == "apt-get" else ""
        program.write_text(f'#!/bin/sh\n{asked}\necho "{name} $*" >>{shlex.quote(str(self.log))}\n{body}\n')
        program.chmod(0o755)

    def lacks(self, *names: str) -> None:
        for name in names:
            (self.programs / name).unlink()

    @property
    def log(self) -> Path:
        return self.checkout.parent / "calls"

    def calls(self, name: str) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(f"{name} ")]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        home = {name: str(self.checkout.parent / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME")}
        env = {"PATH": str(self.programs), "TMPDIR": str(self.checkout.parent), **home, **environment}
        return subprocess.run(command, cwd=self.checkout, env=env, capture_output=True, text=True, check=False)

    def recorded(self, name: str) -> list[str]:
        """Return the lines of a file in the record of set-up."""
        path = self.checkout.parent / "XDG_STATE_HOME/nvidia-installer" / name
        return path.read_text().splitlines() if path.exists() else []

    def setup(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("scripts/setup", *arguments, **environment)


def make_machine(folder: Path) -> Machine:
    """Return a machine that has everything but `.venv`."""
    made = Machine(checkout=folder / "checkout", programs=folder / "bin")
    (made.checkout / "requirements").mkdir(parents=True)
    (made.checkout / "requirements/main.txt").write_text("# nothing, so that no network is needed\n")
    (made.checkout / "component.yaml").write_text(COMPONENT)
    (folder / "lists").write_text("=Debian=\n=Debian-Security=\n")
    (made.checkout / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup", made.checkout / "scripts")
    shutil.copytree(ROOT / "scripts/lib", made.checkout / "scripts/lib")
    (made.checkout / "lifecycle/app").mkdir(parents=True)
    shutil.copy(ROOT / "lifecycle/app/launcher.py", made.checkout / "lifecycle/app")
    made.programs.mkdir()
    for name in (*REAL, "ln", "mkdir", "touch"):
        found = shutil.which(name)
        assert found, name
        (made.programs / name).symlink_to(found)
    for name in (*STUBBED, "docker", "dockerd", "apt-get", "pip-stub"):
        made.stub(name)
    made.stub("python3", PYTHON)
    pretend_user(made, 0)
    return made


def pretend_user(machine: Machine, uid: int) -> None:
    machine.lacks("id")
    machine.stub("id", f"echo {uid}")


def in_namespaces(machine: Machine, *commands: str) -> subprocess.CompletedProcess[str]:
    """Run commands where /run, /var/log and process ids are the test's own."""
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["/usr/bin/unshare", *user, "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us make namespaces")
    mounts = ["/usr/bin/mount -t tmpfs none /run", "/usr/bin/mount -t tmpfs none /var/log"]
    return machine.run(*unshare, "bash", "-c", "\n".join((*mounts, *commands)))
