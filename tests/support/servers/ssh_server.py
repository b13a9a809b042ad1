"""An sshd on loopback that accepts one key."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.processes import Process, free_port, started, wait_until_open


@dataclass(frozen=True)
class SshServer:
    """A running sshd: its address, `user@127.0.0.1:port`, its process, and an ssh command that it accepts."""

    place: str
    process: Process
    command: Sequence[str]


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Start an sshd in a folder, which is created, and stop it at the end."""
    folder.mkdir()
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    port = free_port()
    shutil.copy(folder / "user.pub", folder / "authorized")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
    )
    host_key = (folder / "host.pub").read_text().split()
    (folder / "known").write_text(f"[127.0.0.1]:{port} {' '.join(host_key[:2])}\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    trust = [f"-oUserKnownHostsFile={folder}/known", "-oIdentitiesOnly=yes", "-i", f"{folder}/user"]
    with started(["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")], folder / "log") as process:
        wait_until_open(port, process)
        user = os.environ.get("USER") or "root"
        yield SshServer(f"{user}@127.0.0.1:{port}", process, ["ssh", "-F", "none", "-oBatchMode=yes", *trust])
