"""Machines that share results through a registry."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lifecycle.cache.cache import Cache
from lifecycle.cache.remote import RemoteCache
from lifecycle.config.store import Mode, RemoteCacheConfig
from lifecycle.planning.targets import Kind, Target
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.login import Login
from tests.support.servers.registry_server import RegistryServer

TARGET = Target(kind=Kind.MODULES, name="6.1.0/550/open", inputs={"kernel": {"headers": "1"}, "epoch": 1})
OTHER = Target(kind=Kind.MODULES, name="6.1.0/550/proprietary", inputs={"kernel": {"headers": "2"}})
SAID = {"modules": {"nvidia.ko": {"version": "550"}}}
FILES = {"nvidia.ko": os.urandom(300_000), "kernel.symvers": b"0x1\tprintk\n"}


class Machine:
    """A machine with its own cache and a client of the remote cache, which calls `wait` before another attempt."""

    def __init__(
        self,
        folder: Path,
        host: str,
        mode: Mode = Mode.READ_WRITE,
        *,
        login: Login | None = None,
        repository: str = "store",
        wait: Callable[[float], None] = lambda _: None,
    ) -> None:
        self.cache = Cache(folder)
        self.warnings: list[str] = []
        self.registry = Registry(host, login, wait=wait)
        section = RemoteCacheConfig(registry=host, repository=repository, mode=mode)
        self.results = RemoteCache(section=section, registry=self.registry, cache=self.cache, warn=self.warnings.append)

    def make(self, target: Target = TARGET, said: Mapping[str, object] = SAID) -> None:
        """Create a result from FILES in the cache; `said` adds fields to its description."""
        about = {"name": target.name, "inputs": target.inputs, **said}
        with self.cache.making(target.kind, target.digest, about) as folder:
            for name, content in FILES.items():
                (folder / name).write_bytes(content)

    def has(self, target: Target = TARGET) -> bool:
        """Return whether the cache has a result for the target."""
        return self.cache.result(target.kind, target.digest) is not None

    def files(self, target: Target = TARGET) -> dict[str, bytes]:
        """Return all files of a result, including result.json, by name."""
        found = self.cache.result(target.kind, target.digest)
        assert found is not None
        return {path.name: path.read_bytes() for path in found.folder.iterdir()}


Machines = Callable[..., Machine]


@contextmanager
def machines(folder: Path, server: RegistryServer) -> Iterator[Machines]:
    """Yield a function that creates machines below a folder; they share a repository named after the folder."""
    made: list[Machine] = []

    def make(mode: Mode = Mode.READ_WRITE, host: str = "", **settings: Any) -> Machine:  # noqa: ANN401 - those of Machine
        repository = f"store/{folder.name.lower().replace('_', '-')}"
        made.append(Machine(folder / str(len(made)), host or server.host, mode, repository=repository, **settings))
        return made[-1]

    yield make
    for one in made:
        one.registry.close()


def shared(machine: Machines) -> Machine:
    """Return a machine that has made a result and uploaded it."""
    one = machine()
    one.make()
    one.results.upload(TARGET)
    return one
