"""Debian's tinyproxy, an HTTP proxy, and microsocks, a SOCKS5 proxy, on loopback."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.processes import Process, free_port, started, wait_until_open

USER, PASSWORD = "proxied", "geheim-4712"
_REQUEST = re.compile(r"Request \(file descriptor \d+\): (\S+ \S+) HTTP")


@dataclass(frozen=True)
class ProxyServer:
    """A running proxy: its host and port, and its process."""

    place: str
    process: Process

    @property
    def url(self) -> str:
        return f"http://{self.place}"

    @property
    def requests(self) -> list[str]:
        """The requests that tinyproxy got, as `GET http://…` and `CONNECT host:port`."""
        return _REQUEST.findall(self.process.log.read_text())


@contextmanager
def http_proxy(folder: Path, *options: str) -> Iterator[ProxyServer]:
    """Start a tinyproxy in a folder, with more lines of its configuration, and stop it at the end."""
    folder.mkdir()
    port = free_port()
    lines = [f"Port {port}", "Listen 127.0.0.1", "Timeout 60", "MaxClients 20", "LogLevel Info", *options]
    (folder / "tinyproxy.conf").write_text("\n".join([*lines, ""]))
    with started(["tinyproxy", "-d", "-c", str(folder / "tinyproxy.conf")], folder / "log") as process:
        wait_until_open(port, process)
        yield ProxyServer(f"127.0.0.1:{port}", process)


@contextmanager
def socks_proxy(folder: Path, *options: str) -> Iterator[ProxyServer]:
    """Start a microsocks in a folder, with more options, and stop it at the end."""
    folder.mkdir()
    port = free_port()
    with started(["microsocks", "-i", "127.0.0.1", "-p", str(port), *options], folder / "log") as process:
        wait_until_open(port, process)
        yield ProxyServer(f"127.0.0.1:{port}", process)
