"""A registry with TLS, an image in it with and without signatures, and the container of the chart that checks it."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from secrets import token_hex

import docker
import pytest

from lifecycle.attest.key import PrivateKey
from tests.support.builders.attestations import make_key
from tests.support.builders.push_session import PushSession
from tests.support.builders.signed_image import SignedImage
from tests.support.charts.verify_image import HOST, VerifyImage, cosign_image
from tests.support.cosign_program import install_cosign
from tests.support.servers.registry_server import RegistryServer, registry_server


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    busybox = shutil.which("busybox")
    assert busybox
    with cosign_image(engine, install_cosign(tmp_path_factory.mktemp("cosign")), Path(busybox)) as tag:
        yield tag


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return make_key()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    with registry_server(tmp_path_factory.mktemp("registry"), tls=True, aliases=[HOST]) as running:
        yield running


@pytest.fixture
def session(server: RegistryServer, tmp_path: Path) -> Iterator[PushSession]:
    with closing(PushSession(server, tmp_path)) as made:
        yield made


@pytest.fixture
def unsigned(session: PushSession, key: PrivateKey, tmp_path: Path) -> SignedImage:
    """Return an image without signature and statements; `attest` adds them."""
    # A pusher takes an image of the same inputs for the same image, and the tests share a registry.
    return SignedImage(session, key, tmp_path, inputs=token_hex(32))


@pytest.fixture
def signed(unsigned: SignedImage) -> SignedImage:
    unsigned.attest()
    return unsigned


@pytest.fixture
def container(engine: docker.DockerClient, image: str, server: RegistryServer, tmp_path: Path) -> VerifyImage:
    assert server.authority
    folder = tmp_path / "mounts"
    folder.mkdir()
    return VerifyImage(engine=engine, image=image, authority=server.authority, folder=folder)
