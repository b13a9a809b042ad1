"""Debian's docker-registry on loopback: with TLS of an authority of its own, and a password."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import yaml

from tests.services.processes import Process, free_port, started, wait_for

USER, PASSWORD = "pusher", "geheim-4711"


@dataclass
class RegistryServer:
    """A registry that runs: its host as images name it, where it keeps its data, and its process."""

    host: str
    data: Path
    process: Process
    authority: Path | None

    def restart(self) -> None:
        """Start it again after it was stopped, and wait until it answers."""
        self.process.start()
        wait_for(f"http://{self.host}/", self.process, any_answer=True)

    def blobs(self) -> int:
        """How many blobs it keeps."""
        return sum(1 for _ in self.data.rglob("blobs/sha256/*/*/data"))


@contextmanager
def registry_server(folder: Path, *, secure: bool = False) -> Iterator[RegistryServer]:
    """Start a registry below an empty folder; `secure` asks for TLS and a password. It ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    host = f"127.0.0.1:{port}"
    http: dict[str, object] = {"addr": host, "secret": "s"}
    config: dict[str, object] = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": http,
        "log": {"level": "warn"},
    }
    authority = None
    if secure:
        authority = _certificate(folder)
        http["tls"] = {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        (folder / "htpasswd").write_text(f"{USER}:{hashed}\n")
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    command = ["docker-registry", "serve", str(folder / "config.yml")]
    with started(command, folder / "log") as process:
        scheme = "https" if secure else "http"
        wait_for(f"{scheme}://{host}/", process, any_answer=True, authority=authority)
        yield RegistryServer(host, folder / "data", process, authority)


def _certificate(folder: Path) -> Path:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "cert.pem"
