"""Pulls of base images with the logins of Docker's configuration, which the engine's SDK would read otherwise."""

import base64
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker.errors
import pytest

from lifecycle.tools.engine.docker_engine import DockerEngine
from lifecycle.tools.engine.errors import EngineRefusedError
from lifecycle.tools.registry.login import CredentialHelperError, DockerConfigError, Login
from tests.support.builders.push_session import REPOSITORY, PushSession
from tests.support.docker_config import write_config
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer, registry_server
from tests.support.servers.token_server import REFRESH_TOKEN, token_server

AUTH = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
BROKEN = {"other.example": {"auth": ""}, "third.example": {"auth": "%"}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry", password=True) as running:
        yield running


def pulled(server: RegistryServer, folder: Path, login: Login | None, config: object) -> str:
    """Push a small image, remove it from the engine, pull it with a configuration of Docker, and return its id."""
    docker_folder = folder / "docker"
    docker_folder.mkdir()
    environ = {**os.environ, **write_config(docker_folder, config)}
    with closing(PushSession(server, folder, login)) as session:
        image, reference = session.made(), f"{server.host}/{REPOSITORY}:x"
        session.pusher._push(image, reference)
        engine = DockerEngine({**environ, "PATH": os.environ["PATH"]})
        session.engine.client.api.remove_image(image.id, force=True)
        with pytest.raises(docker.errors.ImageNotFound):
            session.engine.client.images.get(image.id)
        assert engine.pull(reference, "amd64").id == image.id
    return image.id


@pytest.mark.parametrize("more", [{}, {"credsStore": "nowhere"}, {"credHelpers": {"other.example": "nowhere"}}])
def test_an_entry_beside_broken_ones_pulls(server: RegistryServer, tmp_path: Path, more: dict[str, object]) -> None:
    config = {"auths": {**BROKEN, f"https://{server.host}/v1/": {"auth": AUTH}}, **more}

    assert pulled(server, tmp_path, Login(USER, PASSWORD), config)


def test_a_refresh_token_pulls(tmp_path: Path) -> None:
    with (
        token_server(tmp_path / "tokens") as tokens,
        registry_server(tmp_path / "registry", tokens=tokens.configuration) as server,
    ):
        config = {"auths": {server.host: {"identitytoken": REFRESH_TOKEN, "auth": "MDAwOg=="}}}

        assert pulled(server, tmp_path, Login(refresh_token=REFRESH_TOKEN), config)


@pytest.mark.parametrize("config", [{"credsStore": "nowhere"}, b"[]", b'{"auths": {},}', {"auths": BROKEN}])
def test_a_registry_without_a_login_is_pulled_from_with_any_configuration(tmp_path: Path, config: object) -> None:
    with registry_server(tmp_path / "registry") as server:
        assert pulled(server, tmp_path, None, config)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ({"credsStore": "nowhere"}, CredentialHelperError),
        (b'{"auths": {},}', DockerConfigError),
        ({"auths": BROKEN}, EngineRefusedError),
    ],
)
def test_a_refused_pull_names_what_could_not_be_read(
    server: RegistryServer, tmp_path: Path, config: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        pulled(server, tmp_path, Login(USER, PASSWORD), config)
