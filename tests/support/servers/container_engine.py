"""A second container engine with nothing in it: its own data, socket and process."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import docker
import docker.errors
import pytest
import requests.exceptions

from tests.support.servers.processes import started, wait_until


@contextmanager
def second_engine() -> Iterator[docker.DockerClient]:
    """Start an engine that sets up no NAT or forwarding, and stop it at the end; skip without dockerd."""
    with another_engine() as (client, _):
        yield client


@contextmanager
def another_engine(number: int = 0) -> Iterator[tuple[docker.DockerClient, str]]:
    """Start an engine, yield its client and its address, `unix://…`, and stop it at the end.

    Engines that run at the same time need different numbers.
    """
    # A path that is short enough for sockets in it (unix(7): 108 bytes).
    with (
        tempfile.TemporaryDirectory(prefix="engine-", dir="/var/tmp", ignore_cleanup_errors=True) as name,
        engine_in(Path(name), number=number) as client,
    ):
        yield client, f"unix://{Path(name) / 'socket'}"


@contextmanager
def engine_in(
    folder: Path,
    *,
    number: int = 0,
    config: Mapping[str, object] | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[docker.DockerClient]:
    """Start an engine in a folder, with `socket` and `log` there, and stop it at the end.

    `number` distinguishes its network from those of other engines. `config` is its daemon.json. `prefix` is the command
    that runs dockerd. Skip the test if there is no dockerd, or for a user who is not root.
    """
    if os.geteuid():
        pytest.skip("an engine of the test's own, with its network, needs root")
    program = shutil.which("dockerd")
    if program is None:
        pytest.skip("there is no dockerd here: the engine is elsewhere")
    # Not the folder's name, which may be none of a namespace of containerd's (it ends with a line, say). A network interface's
    # has at most 15 characters (netdevice(7), IFNAMSIZ).
    name = f"en-{secrets.token_hex(4)}"
    (folder / "daemon.json").write_text(json.dumps(config or {}))
    command = [
        *prefix,
        program,
        f"--config-file={folder / 'daemon.json'}",
        f"--host=unix://{folder / 'socket'}",
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'pid'}",
        # Where a containerd of the system's serves both.
        f"--containerd-namespace={name}",
        f"--containerd-plugins-namespace={name}-plugins",
        # A bridge of its own: with none dockerd would take away docker0, which the other engine's containers use.
        f"--bridge={name}",
        *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"),
    ]
    with own_bridge(name, number), started(command, folder / "log") as process:
        address = f"unix://{folder / 'socket'}"
        wait_until(lambda: _answers(address), process, address)
        with closing(docker.DockerClient(base_url=address)) as client:
            yield client


@contextmanager
def own_bridge(name: str, number: int) -> Iterator[None]:
    """Create a network bridge, and delete it at the end."""
    subprocess.run(["ip", "link", "add", "name", name, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", f"10.213.{number}.1/24", "dev", name], check=True)
        yield
    finally:
        subprocess.run(["ip", "link", "delete", name], check=True)


def _answers(address: str) -> bool:
    # The SDK leaves the socket of a refused connection open.
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(address.removeprefix("unix://")):
            return False
    refusals = (docker.errors.DockerException, requests.exceptions.RequestException)
    with suppress(*refusals), closing(docker.DockerClient(base_url=address)) as client:
        return bool(client.ping())
    return False
