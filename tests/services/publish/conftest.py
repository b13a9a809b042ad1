from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.support.builders.push_session import checkout_for
from tests.support.builders.signed_image import SigningCheckout
from tests.support.servers.registry_server import RegistryServer


@pytest.fixture
def signing(server: RegistryServer, engine: docker.DockerClient, tmp_path: Path) -> Iterator[SigningCheckout]:
    with checkout_for(server.host, tmp_path / "checkout", engine) as folder:
        yield SigningCheckout(folder, server.host, engine)
