"""The answers to challenges, with a token server that is a function. tests/services asks a registry with real tokens."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import httpx2 as httpx
import pytest

from lifecycle.tools.registry.authentication import Access, Authentication
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.login import CredentialHelperError, Login

PULL = Access("a/b", "pull")
PUSH = Access("a/b", "pull,push")
BASIC = 'Basic realm="r"'
BEARER = 'Bearer realm="https://t.example/token",service="s"'
PASSWORD = Login("u", "p")
BASIC_HEADER = "Basic " + base64.b64encode(b"u:p").decode()


@dataclass
class Tokens:
    """A token server with a list of answers, the requests to it, and the time in seconds."""

    answers: list[httpx.Response] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, list[str]], str]] = field(default_factory=list)
    now: float = 0

    def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> httpx.Response:
        address = httpx.URL(url)
        form = parse_qs(content.decode() if content else address.query.decode())
        self.asked.append((method, str(address.copy_with(query=None)), form, headers.get("Authorization", "")))
        answer = self.answers.pop(0)
        answer.request = httpx.Request(method, url)
        return answer

    def sign_in(self, login: Login | None, *challenges: str, access: Access = PULL) -> Authentication:
        made = Authentication("h.example", login, self.send, lambda: self.now)
        made.answer(httpx.Response(401, headers=[("WWW-Authenticate", c) for c in challenges]), access)
        return made

    def header(self, login: Login | None, *challenges: str, access: Access = PULL) -> str:
        return self.sign_in(login, *challenges, access=access).headers(access)["Authorization"]


def token(text: str, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"token": text, **more})


def test_a_password_answers_basic_at_once() -> None:
    assert Tokens().header(PASSWORD, BASIC) == BASIC_HEADER


@pytest.mark.parametrize("challenges", [[BASIC, BEARER], [BEARER, BASIC], [f"{BASIC}, {BEARER}"]])
def test_a_token_comes_before_a_password(challenges: list[str]) -> None:
    server = Tokens([token("T")])

    assert server.header(PASSWORD, *challenges) == "Bearer T"
    form = {"service": ["s"], "scope": ["repository:a/b:pull"], "account": ["u"]}
    assert server.asked == [("GET", "https://t.example/token", form, BASIC_HEADER)]


@pytest.mark.parametrize("bearer", ["Bearer", 'Bearer realm="/token"', 'Bearer realm="https://[::1/"'])
def test_a_bearer_challenge_that_cannot_be_met_leaves_basic(bearer: str) -> None:
    assert Tokens().header(PASSWORD, bearer, BASIC) == BASIC_HEADER


def test_a_token_server_that_refuses_leaves_basic() -> None:
    assert Tokens([httpx.Response(500)]).header(PASSWORD, BEARER, BASIC) == BASIC_HEADER


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_a_refresh_token_is_exchanged_by_post(key: str) -> None:
    server = Tokens([httpx.Response(200, json={key: "A"})])

    assert server.header(Login(refresh_token="R"), BASIC, BEARER, access=PUSH) == "Bearer A"
    method, address, form, authorization = server.asked[0]
    assert (method, address, authorization) == ("POST", "https://t.example/token", "")
    assert form == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["R"],
        "client_id": ["nvidia-installer"],
        "service": ["s"],
        "scope": ["repository:a/b:pull,push"],
    }


@pytest.mark.parametrize("status", [404, 405])
def test_a_token_server_without_post_gets_the_password(status: int) -> None:
    server = Tokens([httpx.Response(status), token("T")])

    assert server.header(Login("u", "p", refresh_token="R"), BEARER) == "Bearer T"
    assert [(asked[0], asked[3]) for asked in server.asked] == [("POST", ""), ("GET", BASIC_HEADER)]


def test_a_refused_refresh_token_is_an_error_without_the_token() -> None:
    body = {"errors": [{"message": "token expired"}]}
    with pytest.raises(
        RegistryRefusedError, match="its token server answered 401 unauthorized: token expired"
    ) as caught:
        Tokens([httpx.Response(401, json=body)]).header(Login(refresh_token="secret-R"), BEARER)

    assert "docker login h.example" in str(caught.value)
    assert "secret-R" not in str(caught.value)


def test_a_registry_token_is_sent_as_it_is() -> None:
    assert Tokens().header(Login(registry_token="X"), BEARER) == "Bearer X"


def test_without_a_login_a_token_is_asked_for_anonymously() -> None:
    server = Tokens([token("T")])

    assert server.header(None, BEARER) == "Bearer T"
    assert server.asked[0][2:] == ({"service": ["s"], "scope": ["repository:a/b:pull"]}, "")


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("repository:a/b:pull,push", ["repository:a/b:pull,push"]),
        ("repository:a/b:*", ["repository:a/b:*"]),
        ("repository:a/b:pull", ["repository:a/b:pull", "repository:a/b:pull,push"]),
        ("repository:user/image:pull", ["repository:user/image:pull", "repository:a/b:pull,push"]),
        ("registry:catalog:* repository:a/b:push,pull", ["registry:catalog:*", "repository:a/b:push,pull"]),
        ("", ["repository:a/b:pull,push"]),
    ],
)
def test_the_scope_covers_what_the_request_needs(named: str, asked: list[str]) -> None:
    server = Tokens([token("T")])
    server.header(PASSWORD, f'{BEARER},scope="{named}"', access=PUSH)

    assert server.asked[0][2]["scope"] == asked


@pytest.mark.parametrize(("lifetime", "renewed_at"), [({"expires_in": 300}, 290), ({}, 50), ({"expires_in": 4}, 2)])
def test_a_token_is_renewed_shortly_before_it_expires(lifetime: dict[str, int], renewed_at: int) -> None:
    server = Tokens([token("1", **lifetime), token("2")])
    signed_in = server.sign_in(PASSWORD, BEARER)
    server.now = renewed_at - 0.1
    before = signed_in.headers(PULL)
    server.now = renewed_at

    assert before == {"Authorization": "Bearer 1"}
    assert signed_in.headers(PULL) == {"Authorization": "Bearer 2"}


def test_no_header_is_sent_before_a_challenge_asks_for_one() -> None:
    assert Tokens().sign_in(PASSWORD, BASIC).headers(PUSH) == {}


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"token": 3}', b'{"token": ""}'])
def test_an_answer_without_a_token_is_named(body: bytes) -> None:
    with pytest.raises(RegistryRefusedError, match=r"its token server t\.example returned no token"):
        Tokens([httpx.Response(200, content=body)]).header(PASSWORD, BEARER)


@pytest.mark.parametrize(
    ("login", "challenges", "said"),
    [
        (None, [BASIC], "it wants a login: 401 unauthorized"),
        (None, [], "it wants a login: 401 unauthorized"),
        (PASSWORD, ["Negotiate, Digest realm=r"], "it wants a login by negotiate, digest; only Basic and Bearer"),
        (PASSWORD, ["Bearer"], "it names no token server by an http or https address"),
        (
            Login(refresh_token="R"),
            [BASIC],
            "it wants a user name and a password, and Docker's login is an identity token",
        ),
    ],
)
def test_a_challenge_that_cannot_be_met_is_explained(login: Login | None, challenges: list[str], said: str) -> None:
    with pytest.raises(RegistryRefusedError, match=said):
        Tokens().header(login, *challenges)


BROKEN = Login(error=CredentialHelperError("h.example", "the vault is locked"))


@pytest.mark.parametrize("answers", [[], [httpx.Response(401)]])
def test_unreadable_credentials_are_named_when_a_login_is_wanted(answers: list[httpx.Response]) -> None:
    with pytest.raises(CredentialHelperError, match="the vault is locked"):
        Tokens(answers).header(BROKEN, BEARER if answers else BASIC)


@pytest.mark.parametrize("status", [401, 403])
def test_unreadable_credentials_explain_a_refused_anonymous_token(status: int) -> None:
    signed_in = Tokens([token("anonymous")]).sign_in(BROKEN, BEARER)
    signed_in.check(httpx.Response(200))
    with pytest.raises(CredentialHelperError, match="the vault is locked"):
        signed_in.check(httpx.Response(status))
