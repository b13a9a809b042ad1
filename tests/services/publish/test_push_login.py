"""Tests of logins at a registry by password, token and credential helper, and of keeping the password unreadable."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lifecycle.publish.push import PushDecision, PushFailedError
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.login import Login
from tests.support.builders.push_session import (
    COMBINATION,
    REPOSITORY,
    PushSession,
)
from tests.support.servers.faulty_proxy import faulty_proxy
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer, registry_server
from tests.support.servers.token_server import REFRESH_TOKEN, token_server

LOGIN = Login(USER, PASSWORD)


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


def test_a_refused_refresh_token_says_what_to_do_and_is_not_shown(tmp_path: Path) -> None:
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
