"""Debian's tinyproxy on loopback, as the HTTP proxy of a company."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.processes import free_port, started, wait_until_open


@dataclass(frozen=True)
class Tinyproxy:
    """A running proxy, and its log."""

    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def tinyproxy_server(folder: Path, upstreams: Mapping[str, int]) -> Iterator[Tinyproxy]:
    """Start a proxy that reaches some hosts by the servers at ports of loopback, and stop it at the end."""
    folder.mkdir()
    port = free_port()
    lines = [
        "User root",
        "Group root",
        f"Port {port}",
        "Listen 127.0.0.1",
        "Timeout 60",
        "MaxClients 50",
        "LogLevel Connect",
    ]
    lines += [f'Upstream http 127.0.0.1:{to} "{host}"' for host, to in upstreams.items()]
    (folder / "tinyproxy.conf").write_text("\n".join([*lines, ""]))
    with started(["tinyproxy", "-d", "-c", str(folder / "tinyproxy.conf")], folder / "log") as process:
        wait_until_open(port, process)
        yield Tinyproxy(port, folder / "log")
