"""An engine behind SSH, reached as docker(1) does: each connection is an `ssh HOST docker system dial-stdio` of the system's ssh.

So ~/.ssh/config, agents and jump hosts count, and the other machine needs no more than docker(1) there. The SDK's own way to
ssh loads paramiko, even where it only starts ssh; this is a socket on this machine instead, which the SDK connects to.
"""

import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from lifecycle.errors import UsageError
from lifecycle.tools.process import note

_SECONDS = 30  # to connect, as docker(1) waits


class BadSshAddressError(UsageError):
    """An ssh:// address that says less, or more, than where to go."""

    def __init__(self, url: str) -> None:
        super().__init__(f"engine {url!r}: write ssh://[user@]host[:port][/path/to/docker.sock], and no password")


def ssh_command(url: str) -> list[str]:
    """The command whose standard input and output are the engine's; a path is that of its socket. Raises BadSshAddressError."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise BadSshAddressError(url) from error
    if not parts.hostname or parts.password or parts.query or parts.fragment:
        raise BadSshAddressError(url)
    # As the connection helper of docker/cli does; what ssh says is to be errors only.
    command = ["ssh", "-o", f"ConnectTimeout={_SECONDS}", "-o", "LogLevel=ERROR", "-T"]
    command += ["-l", parts.username] if parts.username else []
    command += ["-p", str(port)] if port else []
    # The other machine's shell reads these words.
    socket_of = [shlex.quote(f"--host=unix://{parts.path}")] if parts.path.strip("/") else []
    return [*command, "--", parts.hostname, "docker", *socket_of, "system", "dial-stdio"]


class SshRelay:
    """A socket that only this user may open and that leads to an engine; it goes with the object."""

    def __init__(self, url: str) -> None:
        """Listen; raises BadSshAddressError, and FileNotFoundError where there is no ssh."""
        command = ssh_command(url)
        if shutil.which(command[0]) is None:
            msg = "there is no ssh here: install it (openssh-client)"
            raise FileNotFoundError(msg)
        note(command)
        folder = Path(tempfile.mkdtemp(prefix="engine-"))
        self._log = folder / "ssh.log"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "socket"))
        listener.listen()
        self.url = f"unix://{folder / 'socket'}"
        threading.Thread(target=_serve, args=(listener, command, self._log), daemon=True).start()
        weakref.finalize(self, _end, listener, folder)

    def said(self) -> str:
        """The last words of ssh, or of the other machine, where something went wrong."""
        with suppress(FileNotFoundError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return lines[-1] if lines else ""
        return ""


def _serve(listener: socket.socket, command: list[str], log: Path) -> None:
    """Give each connection an ssh, until the listener is shut down."""
    running: list[subprocess.Popen[bytes]] = []
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            running = [process for process in running if process.poll() is None]
            # A session of its own, so that Ctrl-C does not cut the connection over which containers are removed.
            with connection, log.open("ab") as errors:
                running.append(
                    subprocess.Popen(
                        command,
                        stdin=connection.fileno(),
                        stdout=connection.fileno(),
                        stderr=errors,
                        start_new_session=True,
                    )
                )
    for process in running:
        process.terminate()
        process.wait()


def _end(listener: socket.socket, folder: Path) -> None:
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    shutil.rmtree(folder, ignore_errors=True)
