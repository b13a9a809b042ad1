"""Tests of logins at a registry by password, token and credential helper, and of keeping the password unreadable."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from lifecycle.publish.push import PushDecision, PushFailedError
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.login import Login
from tests.support.builders.push_session import (
    COMBINATION,
    REPOSITORY,
    PushSession,
    checkout_for,
    copied_checkout,
    push,
)
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer, registry_server
from tests.support.servers.token_server import token_server

LOGIN = Login(USER, PASSWORD)
# Writes down all that others could read of the processes, then answers as docker-credential-helpers' protocol says.
HELPER = """\
#!/bin/sh
for file in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < "$file" 2>/dev/null; echo; done >> "$0.saw"
echo "$1 $(cat)" >> "$0.asked"
echo '{"Username": "%s", "Secret": "%s"}'
"""


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry", tls=True, password=True) as running:
        yield running


def test_a_registry_with_tls_and_a_password_lets_us_in(secure: RegistryServer, tmp_path: Path) -> None:
    with closing(PushSession(secure, tmp_path, LOGIN)) as session:
        image = session.made()
        decision, pushed = session.publish(image)

        assert (decision, session.there(pushed.tag).id) == (PushDecision.PUSH, image.id)
        assert secure.tags() == sorted([pushed.tag, *pushed.moving])


@pytest.mark.parametrize("login", [None, Login(USER, "wrong-4712")])
def test_a_wrong_password_is_refused_with_what_to_do_and_never_shown(
    secure: RegistryServer, tmp_path: Path, login: Login | None
) -> None:
    with closing(PushSession(secure, tmp_path, login)) as session:
        image = session.made()
        with pytest.raises(RegistryRefusedError, match="INVOKE_REGISTRY_PASSWORD") as caught:
            session.candidate(image)
        with pytest.raises(PushFailedError, match="INVOKE_REGISTRY_PASSWORD") as pushed:
            session.pusher._push(image, f"{secure.host}/{REPOSITORY}:x")

    assert "wrong-4712" not in str(caught.value) + str(pushed.value) + repr(login)


def test_tokens_are_asked_for_with_what_they_have_to_allow(tmp_path: Path) -> None:
    with (
        token_server(tmp_path / "tokens") as tokens,
        registry_server(tmp_path / "registry", tokens=tokens.configuration) as server,
        closing(PushSession(server, tmp_path, LOGIN)) as session,
    ):
        image = session.made()
        candidate = session.candidate(image)
        session.pusher._push(image, f"{server.host}/{REPOSITORY}:{session.tag(image)}")
        tokens.scopes.clear()
        pushed = session.pusher.publish(candidate, PushDecision.SAME, [COMBINATION])
        found = sorted(session.registry.tags(REPOSITORY))
        session.registry.delete(REPOSITORY, pushed.digest)
        left = session.registry.tags(REPOSITORY)
        scopes = list(tokens.scopes)

    assert found == sorted([pushed.tag, *pushed.moving])
    assert left == []
    # What is read was allowed before.
    assert [(scope.rpartition(":")[0], {*scope.rpartition(":")[2].split(",")}) for scope in scopes] == [
        (f"repository:{REPOSITORY}", {"pull", "push"}),
        (f"repository:{REPOSITORY}", {"delete"}),
    ]


def test_a_token_server_that_knows_us_not_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with (
        token_server(tmp_path / "tokens") as tokens,
        registry_server(tmp_path / "registry", tokens=tokens.configuration) as server,
        closing(PushSession(server, tmp_path, Login(USER, "wrong-4712"))) as session,
        pytest.raises(
            RegistryRefusedError, match=f"cannot sign in\n.*401 unauthorized\nLog in with `docker login {server.host}`"
        ),
    ):
        session.registry.tags(REPOSITORY)


# ----- Docker's credential helpers


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry", password=True) as running:
        yield running


@pytest.fixture
def checkout(server: RegistryServer, engine: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    with checkout_for(server.host, tmp_path / "checkout", engine) as folder:
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


@pytest.mark.parametrize(
    ("helper", "script", "said"),
    [
        (
            "lab",
            "#!/bin/sh\necho the vault is locked; exit 1\n",
            'docker-credential-lab exited with "the vault is locked ".',
        ),
        ("lab", "#!/bin/sh\necho nonsense\n", "the credential helper returned invalid output"),
        ("lab", "#!/bin/sh\necho '{}'\n", "the credential helper returned invalid output"),
        ("nowhere", "", "docker-credential-nowhere not installed or not available in PATH"),
    ],
)
def test_a_credential_helper_that_fails_or_is_missing_is_one_clear_sentence(
    helper: str, script: str, said: str, server: RegistryServer, configured: Configured, tmp_path: Path
) -> None:
    folder = copied_checkout(server.host, tmp_path / "checkout")
    failed = push(folder, "--untested", environ=configured({"credHelpers": {server.host: helper}}, script))
    first, second = failed.stderr.splitlines()

    assert failed.returncode == 1
    assert first.startswith(f"error: cannot sign in at {server.host}: Docker's credentials cannot be read: ")
    assert first.endswith(said)
    assert second.startswith("Repair the credential helper (credHelpers, credsStore in Docker's config.json), or set ")
    assert server.tags() == []


def test_a_helper_that_knows_no_password_is_like_nobody(
    checkout: Path, server: RegistryServer, configured: Configured
) -> None:
    unknown = "#!/bin/sh\necho credentials not found in native keychain; exit 1\n"
    failed = push(checkout, "--untested", environ=configured({"credsStore": "lab"}, unknown))

    assert failed.returncode == 1
    assert f"Log in with `docker login {server.host}`" in failed.stderr
    assert "Traceback" not in failed.stderr
