"""Test that an empty engine pulls exactly the image that another engine has pushed."""

import io
import json
import tarfile
from pathlib import Path

import docker

from tests.support.builders.push_session import checkout_for, push
from tests.support.servers.container_engine import second_engine
from tests.support.servers.registry_server import RegistryServer

HOME = "/opt/nvidia-installer"


def contents(client: docker.DockerClient, image: str) -> bytes:
    """Return the names and contents of our files in an image, read from a container that is never started."""
    container = client.containers.create(image, network_mode="none")
    try:
        chunks, _ = container.get_archive(HOME)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            return b"".join(member.name.encode() + (tar.extractfile(member) or io.BytesIO()).read() for member in tar)
    finally:
        container.remove(force=True, v=True)


def test_an_empty_engine_pulls_by_digest_the_very_image_that_was_pushed(
    server: RegistryServer, engine: docker.DockerClient, tmp_path: Path
) -> None:
    with checkout_for(server.host, tmp_path / "checkout", engine) as folder, second_engine() as other:
        pushed = push(folder, "--untested")
        (row,) = json.loads((folder / "build/published.json").read_text())
        (mine,) = (i for i in engine.images.list(f"{server.host}/system-services/nvidia-installer") if i.tags)
        before = other.images.list()
        pulled = other.images.pull(row["reference"])

        assert (pushed.returncode, before) == (0, [])
        assert pulled.id == mine.id
        assert pulled.attrs["RepoDigests"] == [row["reference"]]
        assert row["reference"] in mine.attrs["RepoDigests"]
        assert contents(other, row["reference"]) == contents(engine, str(mine.id))
