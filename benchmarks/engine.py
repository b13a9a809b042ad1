"""Container engines and registries that start empty, so that a run reuses only its own results."""

import os
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import docker

from lifecycle.tools.process import environment, run

_WAIT_SECONDS = 60


@contextmanager
def private_engine(folder: Path) -> Iterator[str]:
    """Start dockerd with its data below a folder, yield its DOCKER_HOST, and stop it after the block.

    Builds that need the network use the host's. The engine has an empty bridge of its own, because `--bridge=none` would
    remove the bridge of an engine that is already running.
    """
    address = f"unix://{folder}/docker.sock"
    folder.mkdir(parents=True)
    with _bridge(folder.name) as bridge:
        command = ["dockerd", "--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")]
        command += ["--pidfile", str(folder / "pid"), "--host", address, "--bridge", bridge, "--iptables=false"]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, env=environment(), stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(address)
            yield address
        finally:
            process.terminate()
            process.wait()
            # dockerd leaves the mount of its default network namespace behind.
            for mount in (folder / "exec" / "netns").glob("*"):
                run(["umount", str(mount)])


@contextmanager
def _bridge(name: str) -> Iterator[str]:
    """Create an empty bridge, and remove it after the block. An interface's name has at most 15 characters."""
    bridge = f"bench{sha256(name.encode()).hexdigest()[:8]}"
    run(["ip", "link", "add", bridge, "type", "bridge"])
    try:
        run(["ip", "address", "add", f"10.213.{int(bridge[-2:], 16)}.1/24", "dev", bridge])
        yield bridge
    finally:
        run(["ip", "link", "delete", bridge])


def _wait(address: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            docker.DockerClient(base_url=address).ping()
        except docker.errors.DockerException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def image_bytes(address: str, references: Sequence[str]) -> int:
    """Return the uncompressed bytes of all layers of images. A shared layer counts once, since `docker save` writes it once."""
    env = {**os.environ, "DOCKER_HOST": address}
    layers: dict[str, int] = {}
    with (
        subprocess.Popen(["docker", "save", *references], env=env, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as tar,
    ):
        for member in tar:
            if member.isreg() and member.name.endswith("layer.tar"):
                layers[member.name] = member.size
    return sum(layers.values())


@contextmanager
def private_registry(folder: Path, port: int) -> Iterator[str]:
    """Start Debian's docker-registry on loopback with its data below a folder, yield `host:port`, and stop it after the block."""
    folder.mkdir(parents=True)
    config, host = folder / "config.yml", f"127.0.0.1:{port}"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: '{host}'}}\n"
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=subprocess.STDOUT)
    try:
        yield host
    finally:
        process.terminate()
        process.wait()


def registry_bytes(address: str, references: Sequence[str], folder: Path, port: int) -> int:
    """Return the bytes that an empty registry stores after all images are pushed to it."""
    with private_registry(folder, port) as host:
        client = docker.DockerClient(base_url=address, timeout=600)
        for number, reference in enumerate(references):
            name = f"{host}/benchmark"
            client.images.get(reference).tag(name, f"t{number}")
            _push(client, name, f"t{number}")
    return sum(path.stat().st_size for path in (folder / "data").rglob("data") if path.is_file())


def _push(client: docker.DockerClient, name: str, tag: str) -> None:
    for attempt in range(_WAIT_SECONDS):
        errors = [e["error"] for e in client.images.push(name, tag=tag, stream=True, decode=True) if "error" in e]
        if not errors:
            return
        # The registry needs a moment until it listens.
        time.sleep(1 + attempt / 10)
    raise SystemExit(f"cannot push to the registry: {errors[0]}")
