"""Requests to a forge's API: where the token goes, and what is said of a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lifecycle.tools.forge.api import (
    Advice,
    BadTokenError,
    ForgeApi,
    ForgeRefusedError,
    ForgeToken,
    PlainTokenError,
    open_api,
)
from lifecycle.tools.forge.project import ForgeKind, Project
from lifecycle.tools.network.retries import RetryPolicy
from tests.support.servers.faulty_server import FaultyServer, faulty_server
from tests.support.serving import serving

SECRET = "glpat-4711"  # noqa: S105 - of nothing but this
ADVICE = Advice(permission="SOME_TOKEN has to be allowed it.")


def forge(address: str, *, kind: ForgeKind = ForgeKind.GITLAB, token: str = SECRET) -> ForgeApi:
    project = Project(kind=kind, host="git.example.org", path="g/p")
    return open_api(project, ForgeToken(token), api=address, advice=ADVICE, policy=RetryPolicy(wait=lambda _: None))


@contextmanager
def redirecting(place: str) -> Iterator[tuple[str, list[str]]]:
    """Start a server that redirects every request but those below /there, and yield its address and the paths with a token."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            if SECRET in str(self.headers):
                asked.append(self.path)
            there = self.path.startswith("/there")
            self.send_response(200 if there else 301)
            self.send_header("Location", place)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}", asked


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running


def test_a_redirection_on_the_same_host_is_followed() -> None:
    with redirecting("/there") as (address, asked):
        assert forge(address).ask("GET", "x", "look") == []

    assert asked == ["/x", "/there"]


def test_a_redirection_to_another_host_gets_no_token(server: FaultyServer) -> None:
    with redirecting(f"{server.address}/x") as (address, _), pytest.raises(ForgeRefusedError, match="gets no token"):
        forge(address).ask("GET", "x", "look")

    assert server.asked == []


def test_a_redirection_in_a_circle_ends() -> None:
    with redirecting("/x") as (address, _), pytest.raises(ForgeRefusedError, match="redirects more than 5 times"):
        forge(address).ask("GET", "x", "look")


def test_a_token_is_not_sent_without_tls() -> None:
    with pytest.raises(PlainTokenError, match=r"^http://git\.example\.org/api: the token would be sent without TLS"):
        forge("http://git.example.org/api")


@pytest.mark.parametrize("token", [f"{SECRET}\n", f"a {SECRET}", f"{SECRET}é", ""])
def test_a_token_that_no_header_can_have_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(BadTokenError) as caught:
        forge("https://git.example.org/api", token=token)

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("kind", list(ForgeKind))
def test_a_token_is_in_no_representation(kind: ForgeKind) -> None:
    assert SECRET not in repr(forge("https://git.example.org/api", kind=kind)) + repr(ForgeToken(SECRET))


def test_what_may_be_missing_is_none(server: FaultyServer) -> None:
    server.script = ["404", "403"]

    assert forge(server.address).find("x", "look") is None
    with pytest.raises(ForgeRefusedError, match=r"403 Forbidden: \{\}\nSOME_TOKEN has to be allowed it"):
        forge(server.address).find("x", "look")


def test_a_list_is_read_page_by_page(server: FaultyServer) -> None:
    server.page = f"[{', '.join(['1'] * 100)}]".encode()
    numbers = forge(server.address).list_all(int, "x", "look")
    for _ in range(150):
        next(numbers)

    assert [path for _, path, _ in server.asked] == ["/x?per_page=100&page=1", "/x?per_page=100&page=2"]


def test_a_list_without_an_end_ends(server: FaultyServer) -> None:
    server.page = f"[{', '.join(['1'] * 100)}]".encode()

    assert len(list(forge(server.address).list_all(int, "x", "look"))) == 10_000


def test_a_connection_that_is_lost_each_time_is_one_sentence(server: FaultyServer) -> None:
    server.script = ["reset"] * 4
    with pytest.raises(ForgeRefusedError) as caught:
        forge(server.address).ask("GET", "x", "look")

    assert str(caught.value).startswith("git.example.org: cannot look\n  ReadError: ")
    assert SECRET not in str(caught.value)
