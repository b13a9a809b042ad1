"""A machine with its own configuration of apt: real apt reads it in place of /etc/apt, as APT_CONFIG names it."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AptMachine:
    """The folder of a machine's apt."""

    folder: Path

    @property
    def etc(self) -> Path:
        """The machine's /etc/apt."""
        return self.folder / "etc"

    @property
    def environ(self) -> Mapping[str, str]:
        """The variable that makes apt be the machine's."""
        return {"APT_CONFIG": str(self.folder / "apt.conf")}

    def write(self, path: str, text: str) -> None:
        """Write a file below the machine's /etc/apt."""
        (self.etc / path).parent.mkdir(parents=True, exist_ok=True)
        (self.etc / path).write_text(text)

    def update(self) -> str:
        """Run the machine's `apt-get update`, and return what it prints. Its failures are those of the configuration."""
        command = ["apt-get", "--quiet", "update"]
        environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **self.environ}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr


def make_apt_machine(folder: Path) -> AptMachine:
    """Make a machine without sources in a folder."""
    for name in ("etc/sources.list.d", "etc/apt.conf.d", "etc/trusted.gpg.d", "etc/auth.conf.d", "etc/preferences.d"):
        (folder / name).mkdir(parents=True)
    for name in ("state/lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "state/status").touch()
    settings = {
        "APT::Architecture": "amd64",
        "APT::Sandbox::User": "root",
        "Dir::Etc": f"{folder}/etc",
        "Dir::State": f"{folder}/state",
        "Dir::State::status": f"{folder}/state/status",
        "Dir::Cache": f"{folder}/cache",
    }
    (folder / "apt.conf").write_text("".join(f'{key} "{value}";\n' for key, value in settings.items()))
    return AptMachine(folder)
