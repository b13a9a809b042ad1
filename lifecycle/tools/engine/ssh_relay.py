"""A local socket that leads to an engine on another machine, through `ssh HOST docker system dial-stdio`, as docker(1) does it.

Each connection starts the ssh of the system, so ~/.ssh/config, agents and jump hosts apply, and the other machine only needs
docker(1). The SDK's own ssh support loads paramiko even to start ssh; with the socket, the SDK needs none.
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
from lifecycle.tools.process import log_command

_SECONDS = 30  # to connect, as docker(1) waits


class InvalidSshAddressError(UsageError):
    """An ssh:// address without a host, or with more than user, host, port and path."""

    def __init__(self, url: str) -> None:
        super().__init__(f"engine {url!r}: write ssh://[user@]host[:port][/path/to/docker.sock], and no password")


def ssh_command(url: str) -> list[str]:
    """Return the command that connects its standard input and output to an engine; a path in `url` is that of the socket.

    Raises InvalidSshAddressError.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidSshAddressError(url) from error
    if not parts.hostname or parts.password or parts.query or parts.fragment:
        raise InvalidSshAddressError(url)
    # The options of the connection helper of docker/cli; ssh prints errors only.
    command = ["ssh", "-o", f"ConnectTimeout={_SECONDS}", "-o", "LogLevel=ERROR", "-T"]
    command += ["-l", parts.username] if parts.username else []
    command += ["-p", str(port)] if port else []
    # The shell of the other machine parses these words.
    socket_option = [shlex.quote(f"--host=unix://{parts.path}")] if parts.path.strip("/") else []
    return [*command, "--", parts.hostname, "docker", *socket_option, "system", "dial-stdio"]


class SshRelay:
    """A socket that leads to an engine; only this user can open it, and it is removed with the object."""

    def __init__(self, url: str) -> None:
        """Listen on the socket. Raises InvalidSshAddressError, and FileNotFoundError if ssh is not installed."""
        command = ssh_command(url)
        if shutil.which(command[0]) is None:
            msg = "ssh is not installed: install openssh-client"
            raise FileNotFoundError(msg)
        log_command(command)
        folder = Path(tempfile.mkdtemp(prefix="engine-"))
        self._log = folder / "ssh.log"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(folder / "socket"))
        listener.listen()
        self.url = f"unix://{folder / 'socket'}"
        threading.Thread(target=_serve, args=(listener, command, self._log), daemon=True).start()
        weakref.finalize(self, _close, listener, folder)

    def last_error(self) -> str:
        """Return the last line that ssh, or the other machine, wrote to standard error, or ""."""
        with suppress(FileNotFoundError):
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return lines[-1] if lines else ""
        return ""


def _serve(listener: socket.socket, command: list[str], log: Path) -> None:
    """Start an ssh for each connection, until the listener is shut down."""
    running: list[subprocess.Popen[bytes]] = []
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            running = [process for process in running if process.poll() is None]
            # In its own session, because Ctrl-C must not close the connection that removes the containers.
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


def _close(listener: socket.socket, folder: Path) -> None:
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    shutil.rmtree(folder, ignore_errors=True)
