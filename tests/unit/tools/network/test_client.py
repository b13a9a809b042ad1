"""The client against a real server on loopback. tests/services has real proxies and TLS."""

from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from lifecycle.tools.network.client import REQUEST_ERRORS, open_client
from lifecycle.tools.network.file_content import FileContent
from lifecycle.tools.network.retries import REPEATABLE, RetryPolicy
from tests.support.servers.faulty_server import FaultyServer, faulty_server

ELSEWHERE = "http://example.org/x"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(waits: list[float]) -> Iterator[httpx.Client]:
    with open_client(policy=RetryPolicy(wait=waits.append), environ={}) as made:
        yield made


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_429_is_waited_for_as_long_as_it_asks(
    server: FaultyServer, client: httpx.Client, waits: list[float], method: str
) -> None:
    server.script = ["429 7", "429 9"]
    answer = client.request(method, server.address, content=b"body")

    assert answer.status_code == 200
    assert waits == [7, 9]
    assert [body for _, _, body in server.asked] == [b"body"] * 3


def test_the_last_answer_is_returned(server: FaultyServer, client: httpx.Client, waits: list[float]) -> None:
    server.script = ["503"] * 100

    assert client.get(server.address).status_code == 503
    assert len(server.asked) == len(waits) + 1 == RetryPolicy.attempts


def test_an_answer_that_asks_for_an_hour_is_returned_at_once(server: FaultyServer, client: httpx.Client) -> None:
    server.script = ["429 3600"]

    assert client.get(server.address).status_code == 429
    assert len(server.asked) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_an_idempotent_request_survives_a_reset(server: FaultyServer, client: httpx.Client, method: str) -> None:
    server.script = ["reset"]

    assert client.request(method, server.address).is_success
    assert len(server.asked) == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("step", ["reset", "503", "500"])
def test_a_request_that_may_have_been_done_is_never_done_twice(
    server: FaultyServer, client: httpx.Client, method: str, step: str
) -> None:
    server.script = [step]
    try:
        assert client.request(method, server.address, content=b"x").is_error
    except httpx.NetworkError:
        assert step == "reset"

    assert server.methods == [method]


def test_a_server_that_never_answers_is_named_with_the_limit(server: FaultyServer, waits: list[float]) -> None:
    server.script = ["silence"] * 100
    policy = RetryPolicy(attempts=2, wait=waits.append)
    with (
        open_client(timeout=0.2, policy=policy, environ={}) as client,
        pytest.raises(httpx.ReadTimeout, match=r"^no answer within 0.2 s$"),
    ):
        client.get(server.address)

    assert len(server.asked) == 2


def test_a_client_without_a_policy_tries_once(server: FaultyServer) -> None:
    server.script = ["503"]
    with open_client(policy=None, environ={}) as client:
        assert client.get(server.address).status_code == 503


def test_a_file_is_sent_again_from_its_beginning(server: FaultyServer, client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 1000)
    server.script = ["503", "500"]
    body = FileContent(path)
    client.put(server.address, content=body, headers=body.headers, extensions={REPEATABLE: True})

    assert [content for _, _, content in server.asked] == [path.read_bytes()] * 3


def test_a_body_that_can_be_read_once_is_sent_once(server: FaultyServer, client: httpx.Client) -> None:
    server.script = ["503"]
    answer = client.put(server.address, content=iter([b"x"]), headers={"Content-Length": "1"})

    assert answer.status_code == 503
    assert len(server.asked) == 1


def test_the_environment_of_another_process_counts_for_nothing(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with open_client(environ={"HTTP_PROXY": server.address}) as client:
        assert client.get(ELSEWHERE).is_success


def test_the_environment_of_this_process_is_the_default(server: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.address)
    monkeypatch.setenv("NO_PROXY", "")
    with open_client() as client:
        assert client.get(ELSEWHERE).is_success


@pytest.mark.parametrize(
    "address",
    [
        *("http://a..b", f"http://{'a' * 80}.example", "ftp://example.org", "http://[::1", "example.org", ""),
        *("http://127.0.0.1:99999", "http://\x00", "http://exa mple", "http://[::1%25lo]:1/", "http://%zz"),
    ],
)
def test_a_bad_address_is_an_error_of_the_client(client: httpx.Client, address: str) -> None:
    with pytest.raises(REQUEST_ERRORS):
        client.get(address)
