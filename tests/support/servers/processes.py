"""Servers for the tests on loopback, with functions that start them, wait for them, and end them by process id."""

import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

_SECONDS = 60
_INTERVAL = 0.05


@dataclass
class Process:
    """A server: its command, its log file, its environment, and its current process."""

    command: Sequence[str]
    log: Path
    environ: Mapping[str, str] | None
    popen: subprocess.Popen[bytes]

    def stop(self) -> None:
        """Terminate the server, and wait for its end; kill it after a minute."""
        self.popen.terminate()
        try:
            self.popen.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    def start(self) -> None:
        """Start the server again."""
        self.popen = _popen(self.command, self.log, self.environ)


def free_port() -> int:
    """Return a TCP port of loopback on which no program listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: Sequence[str], log: Path, *, environ: Mapping[str, str] | None = None) -> Iterator[Process]:
    """Start a server whose output is appended to a file, and stop it at the end."""
    process = Process(command, log, environ, _popen(command, log, environ))
    try:
        yield process
    finally:
        process.stop()


def _popen(command: Sequence[str], log: Path, environ: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environ and dict(environ)
        )


def wait_until_open(port: int, process: Process) -> None:
    """Wait until a server listens on a port of loopback.

    Raise RuntimeError with the end of its log if it ends first, or does not listen within a minute.
    """
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.popen.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_INTERVAL)
    raise RuntimeError(f"port {port} is not open; {process.log} ends with:\n{process.log.read_text()[-2000:]}")


def wait_for(
    address: str,
    process: Process,
    *,
    headers: Mapping[str, str] | None = None,
    any_answer: bool = False,
    authority: Path | None = None,
) -> None:
    """Wait until a server answers with success, or, with `any_answer`, with any status.

    Raise RuntimeError with the end of its log if it ends first, or does not answer within a minute.
    """
    trusted = ssl.create_default_context(cafile=str(authority)) if authority else True

    def answers() -> bool:
        try:
            return httpx.get(address, headers=dict(headers or {}), verify=trusted).is_success or any_answer
        except httpx.TransportError:
            return False

    wait_until(answers, process, address)


def wait_until(condition: Callable[[], bool], process: Process, address: str) -> None:
    """Wait until a server meets a condition.

    Raise RuntimeError with the end of its log if it ends first, or does not meet the condition within a minute.
    """
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.popen.poll() is None:
        if condition():
            return
        time.sleep(_INTERVAL)
    raise RuntimeError(f"{address} does not answer; {process.log} ends with:\n{process.log.read_text()[-2000:]}")
