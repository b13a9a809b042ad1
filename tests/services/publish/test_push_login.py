"""Tests of logins at a registry by password, token and credential helper, and of keeping the password unreadable."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from lifecycle.publish.push import PushDecision, PushFailedError
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.login import Login
from tests.support.builders.push_session import (
    COMBINATION,
    REPOSITORY,
    PushSession,
    checkout_for,
    push,
)
from tests.support.servers.faulty_proxy import faulty_proxy
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer, registry_server
from tests.support.servers.token_server import REFRESH_TOKEN, token_server

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


def test_a_refresh_token_pushes_and_reads_like_a_password(tmp_path: Path) -> None:
    with (
        token_server(tmp_path / "tokens") as tokens,
        registry_server(tmp_path / "registry", tokens=tokens.configuration) as server,
        closing(PushSession(server, tmp_path, Login(refresh_token=REFRESH_TOKEN))) as session,
    ):
        decision, pushed = session.publish(session.made())
        found = sorted(session.registry.tags(REPOSITORY))

    assert (decision, found) == (PushDecision.PUSH, sorted([pushed.tag, *pushed.moving]))
    assert {form["grant_type"][0] for form in tokens.forms} == {"refresh_token"}
    assert tokens.scopes == []


def test_a_refresh_token_that_is_refused_says_what_to_do_and_is_never_shown(tmp_path: Path) -> None:
    with (
        token_server(tmp_path / "tokens") as tokens,
        registry_server(tmp_path / "registry", tokens=tokens.configuration) as server,
        closing(PushSession(server, tmp_path, Login(refresh_token="stale-4712"))) as session,
        pytest.raises(RegistryRefusedError, match=r"cannot sign in\n.*401 unauthorized\nLog in with") as caught,
    ):
        session.registry.tags(REPOSITORY)

    assert "stale-4712" not in str(caught.value)


BASIC = b'Www-Authenticate: Basic realm="x"\r\n'
BEARER = b"Www-Authenticate: Bearer "


@pytest.mark.parametrize(
    "more",
    [
        (BEARER, BASIC + BEARER),
        (BEARER, b'Www-Authenticate: Basic realm="x", Bearer '),
        (BEARER, b"Www-Authenticate: Negotiate, Bearer "),
    ],
)
def test_of_several_challenges_the_one_with_tokens_is_met(tmp_path: Path, more: tuple[bytes, bytes]) -> None:
    with (
        token_server(tmp_path / "tokens") as tokens,
        registry_server(tmp_path / "registry", tokens=tokens.configuration) as server,
        faulty_proxy(server.port) as proxy,
        closing(Registry(f"127.0.0.1:{proxy.port}", LOGIN)) as registry,
    ):
        proxy.rewrite = lambda answer: answer.replace(*more)

        assert registry.upload_error("a/b") == ""
    assert len(tokens.scopes) == 1


@pytest.mark.parametrize("more", [b"Negotiate", b'Bearer realm="http://127.0.0.1:9/token"', b"Digest realm=x,nonce=y"])
def test_of_several_challenges_the_one_with_a_password_is_met(tmp_path: Path, more: bytes) -> None:
    name = b"Www-Authenticate: "
    with (
        registry_server(tmp_path / "registry", password=True) as server,
        faulty_proxy(server.port) as proxy,
        closing(Registry(f"127.0.0.1:{proxy.port}", LOGIN)) as registry,
    ):
        proxy.rewrite = lambda answer: answer.replace(name, name + more + b"\r\n" + name)

        assert registry.upload_error("a/b") == ""


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
        checkout_for(server.host, tmp_path / "checkout", engine) as checkout,
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


def test_a_helper_that_knows_no_password_is_like_nobody(
    checkout: Path, server: RegistryServer, configured: Configured
) -> None:
    unknown = "#!/bin/sh\necho credentials not found in native keychain; exit 1\n"
    failed = push(checkout, "--untested", environ=configured({"credsStore": "lab"}, unknown))

    assert failed.returncode == 1
    assert f"Log in with `docker login {server.host}`" in failed.stderr
    assert "Traceback" not in failed.stderr
