"""Debian's docker-registry, by default on loopback, with TLS by an authority of its own and a password if needed."""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import yaml

from tests.support.servers.processes import Process, free_port, started, wait_for

USER, PASSWORD = "pusher", "geheim-4711"
LOOPBACK = "127.0.0.1"
_REQUEST = re.compile(r'"([A-Z]+) (\S+) HTTP/1\.1" (\d+)')


@dataclass
class RegistryServer:
    """A running registry: its host as images name it, its data folder, its process, and its certificate authority."""

    host: str
    data: Path
    process: Process
    authority: Path | None

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])

    def restart(self) -> None:
        """Start the registry again after it was stopped, and wait until it answers."""
        self.process.start()
        wait_for(f"http://{self.host}/", self.process, any_answer=True)

    def kill(self) -> None:
        """Kill the registry, even in the middle of a request."""
        self.process.popen.kill()
        self.process.popen.wait()

    def blobs(self) -> int:
        """Return the number of blobs in the registry."""
        return sum(1 for _ in self.data.rglob("blobs/sha256/*/*/data"))

    def tags(self) -> list[str]:
        """Return the tags in the registry's data folder, without asking its API."""
        return sorted(link.parts[-3] for link in self.data.rglob("_manifests/tags/*/current/link"))

    def requests(self, method: str, status: int) -> list[str]:
        """Return the paths of requests with a method and an answered status, including those before a restart."""
        found = _REQUEST.findall(self.process.log.read_text())
        return [path for verb, path, code in found if (verb, int(code)) == (method, status)]


@contextmanager
def registry_server(
    folder: Path,
    *,
    tls: bool = False,
    password: bool = False,
    tokens: Mapping[str, object] | None = None,
    address: str = LOOPBACK,
    aliases: Sequence[str] = (),
    deletes: bool = True,
) -> Iterator[RegistryServer]:
    """Start a registry below a folder, with its data in `data` there, and stop it at the end.

    `tokens` is its configuration of a token server. `aliases` are more addresses in its certificate. `deletes` allows clients
    to delete manifests.
    """
    folder.mkdir(parents=True, exist_ok=True)
    host = f"{address}:{free_port()}"
    http: dict[str, object] = {"addr": host, "secret": "s"}
    config: dict[str, object] = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": deletes}},
        "http": http,
        "log": {"level": "warn"},
    }
    authority = certificate(folder, address, *aliases) if tls else None
    if tls:
        http["tls"] = {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    if password:
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    if tokens:
        config["auth"] = {"token": dict(tokens)}
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    command = ["docker-registry", "serve", str(folder / "config.yml")]
    with started(command, folder / "log") as process:
        wait_for(f"{'https' if tls else 'http'}://{host}/", process, any_answer=True, authority=authority)
        yield RegistryServer(host, folder / "data", process, authority)


def certificate(folder: Path, *addresses: str) -> Path:
    """Create a self-signed certificate for IP addresses and host names, `cert.pem`, and its key, `key.pem`; return the former."""
    names = ",".join(f"{'DNS' if address[-1].isalpha() else 'IP'}:{address}" for address in addresses)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={names}"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "cert.pem"
