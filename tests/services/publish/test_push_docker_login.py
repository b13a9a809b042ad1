"""Tests of logins by Docker's configuration and its credential helpers, and of keeping the password unreadable."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.support.builders.push_session import checkout_for, push
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer, registry_server

# Writes down all that others could read of the processes, then answers as docker-credential-helpers' protocol says.
HELPER = """\
#!/bin/sh
for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < "$file" 2>/dev/null; echo; done >> "$0.saw"
echo "$1 $(cat)" >> "$0.asked"
echo '{"Username": "%s", "Secret": "%s"}'
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry", password=True) as running:
        yield running


@pytest.fixture
def checkout(server: RegistryServer, engine: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    with checkout_for(server.host, tmp_path / "checkout", engine, size=1000) as folder:
        yield folder


Configured = Callable[[dict[str, object], str], dict[str, str]]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """Return a function that writes a Docker configuration and a credential helper, and returns the environment."""

    def make(config: dict[str, object], script: str) -> dict[str, str]:
        folder = tmp_path / "docker"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        helper = folder / "docker-credential-lab"
        helper.write_text(script)
        helper.chmod(0o755)
        return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"}

    return make


@pytest.mark.parametrize("kind", ["credHelpers", "credsStore"])
def test_a_credential_helper_lets_us_in_and_nobody_sees_the_password(
    kind: str, checkout: Path, server: RegistryServer, configured: Configured, tmp_path: Path
) -> None:
    config: dict[str, object] = {kind: "lab" if kind == "credsStore" else {server.host: "lab"}}
    environ = configured(config, HELPER % (USER, PASSWORD))
    pushed = push(checkout, "--untested", "--json", environ=environ)
    helper = tmp_path / "docker/docker-credential-lab"
    saw = Path(f"{helper}.saw").read_text()

    assert pushed.returncode == 0, pushed.stderr
    assert {*Path(f"{helper}.asked").read_text().splitlines()} == {f"get {server.host}"}
    assert len(server.tags()) == 1
    assert "invoke push" in saw
    assert PASSWORD not in saw + pushed.stdout + pushed.stderr
    assert all(PASSWORD not in file.read_text() for file in (checkout / "build").iterdir())


def test_a_credential_helper_that_fails_is_one_clear_sentence(
    checkout: Path, server: RegistryServer, configured: Configured
) -> None:
    script = "#!/bin/sh\necho the vault is locked; exit 1\n"
    failed = push(checkout, "--untested", environ=configured({"credHelpers": {server.host: "lab"}}, script))

    assert failed.returncode == 1
    assert failed.stderr.splitlines() == [
        f"error: cannot sign in at {server.host}: Docker's credentials cannot be read: "
        'docker-credential-lab ended with exit code 1: "the vault is locked"',
        "Repair the credential helper (credHelpers, credsStore in Docker's config.json), or set INVOKE_REGISTRY_USERNAME "
        "and INVOKE_REGISTRY_PASSWORD.",
    ]
    assert server.tags() == []


def test_a_registry_without_a_login_needs_no_readable_one(
    engine: docker.DockerClient, configured: Configured, tmp_path: Path
) -> None:
    with (
        registry_server(tmp_path / "registry") as server,
        checkout_for(server.host, tmp_path / "checkout", engine, size=1000) as checkout,
    ):
        config: dict[str, object] = {"credsStore": "nowhere", "auths": {"other.example": {"auth": ""}}}
        pushed = push(checkout, "--untested", "--json", environ=configured(config, ""))

    assert pushed.returncode == 0, pushed.stderr
    assert len(server.tags()) == 1


def test_a_broken_config_file_is_named_when_a_login_is_wanted(
    checkout: Path, server: RegistryServer, configured: Configured, tmp_path: Path
) -> None:
    environ = configured({}, "")
    (tmp_path / "docker/config.json").write_text('{"auths": {},\n}')
    failed = push(checkout, "--untested", environ=environ)

    assert failed.returncode == 2
    assert failed.stderr.splitlines() == [
        f"error: {tmp_path}/docker/config.json:2:1: invalid JSON (Expecting property name enclosed in double quotes), so "
        f"there is no login for {server.host}: repair it, run `docker login {server.host}`, or set "
        "INVOKE_REGISTRY_USERNAME and INVOKE_REGISTRY_PASSWORD."
    ]


@pytest.mark.parametrize("key", ["{host}", "https://{host}/v1/"])
def test_an_entry_beside_broken_ones_lets_us_in(
    checkout: Path, server: RegistryServer, configured: Configured, key: str
) -> None:
    auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    auths = {
        key.format(host=server.host): {"auth": auth},
        "other.example": {"auth": ""},
        "third.example": {"auth": "%"},
    }
    pushed = push(checkout, "--untested", environ=configured({"auths": auths, "credsStore": "nowhere"}, ""))

    assert pushed.returncode == 0, pushed.stderr
    assert len(server.tags()) == 1


def test_a_helper_without_a_login_leaves_the_request_anonymous(
    checkout: Path, server: RegistryServer, configured: Configured
) -> None:
    unknown = "#!/bin/sh\necho credentials not found in native keychain; exit 1\n"
    failed = push(checkout, "--untested", environ=configured({"credsStore": "lab"}, unknown))

    assert failed.returncode == 1
    assert f"Log in with `docker login {server.host}`" in failed.stderr
    assert "Traceback" not in failed.stderr
