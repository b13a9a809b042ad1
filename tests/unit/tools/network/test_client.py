"""The client against a real server on loopback. tests/services has real proxies and TLS."""

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2 as httpx
import pytest

from lifecycle.tools.network.authorities import Authorities
from lifecycle.tools.network.client import REQUEST_ERRORS, open_client
from lifecycle.tools.network.errors import InvalidAuthoritiesError, InvalidProxyError
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


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_request_goes_through_the_proxy(server: FaultyServer, variable: str) -> None:
    with open_client(environ={variable: server.address}) as client:
        client.get(ELSEWHERE)

    assert [address for _, address, _ in server.asked] == [ELSEWHERE]


def test_a_request_to_loopback_goes_past_the_proxy(server: FaultyServer) -> None:
    with open_client(environ={"ALL_PROXY": "http://127.0.0.1:1"}) as client:
        assert client.get(server.address.replace("127.0.0.1", "localhost")).is_success


def test_a_redirect_is_routed_by_its_own_address(server: FaultyServer) -> None:
    with open_client(environ={"HTTP_PROXY": server.address, "HTTPS_PROXY": "http://127.0.0.1:1"}) as client:
        client.event_hooks["response"].append(lambda answer: _redirect(answer, "https://example.org/"))
        with pytest.raises(httpx.ConnectError, match=r"through the proxy http://127\.0\.0\.1:1 of HTTPS_PROXY"):
            client.get(ELSEWHERE, extensions={REPEATABLE: False})


def _redirect(answer: httpx.Response, to: str) -> None:
    answer.status_code, answer.headers["Location"] = 302, to


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
    ("steps", "url", "said"),
    [
        (["407"], "http://example.org", "407 Proxy Authentication Required"),
        (["407"], "https://example.org", "407 Proxy Authentication Required"),
        (["403"], "https://example.org", "403 Forbidden"),
    ],
)
def test_a_proxy_that_refuses_is_named_and_not_asked_again(
    server: FaultyServer, steps: list[str], url: str, said: str
) -> None:
    server.script = steps
    proxy = server.address.replace("//", "//me:geheim@")
    with open_client(environ={"ALL_PROXY": proxy}) as client, pytest.raises(httpx.ProxyError) as caught:
        client.get(url)

    assert str(caught.value) == f"{said} (through the proxy {server.address} of ALL_PROXY)"
    assert len(server.asked) == 1


def test_a_proxy_that_is_busy_is_asked_again(server: FaultyServer, waits: list[float]) -> None:
    server.script = ["503", "403"]
    policy = RetryPolicy(wait=waits.append)
    with (
        open_client(policy=policy, environ={"HTTPS_PROXY": server.address}) as client,
        pytest.raises(httpx.ProxyError, match="403"),
    ):
        client.get("https://example.org")

    assert len(waits) == 1


@pytest.fixture
def unclosed() -> Iterator[None]:
    """Close the socket that httpcore leaves open to a bad SOCKS proxy, so that no later test reports it."""
    yield
    gc.collect()


@pytest.mark.usefixtures("unclosed")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x04\x00"])
def test_a_server_that_speaks_no_socks_is_one_sentence(said: bytes) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=_say, args=(listener, said))
        thread.start()
        proxy = f"socks5h://127.0.0.1:{listener.getsockname()[1]}"
        with open_client(environ={"ALL_PROXY": proxy}) as client, pytest.raises(httpx.ProxyError) as caught:
            client.get("https://example.org")
        thread.join()

    assert str(caught.value) == f"the answer is not that of a SOCKS5 proxy (through the proxy {proxy} of ALL_PROXY)"


def _say(listener: socket.socket, said: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)
        connection.sendall(said)


def test_a_bad_setting_is_an_error_of_the_request_that_needs_it(server: FaultyServer) -> None:
    with open_client(environ={"HTTPS_PROXY": "socks4://p:1", "SSL_CERT_FILE": "/no/such"}) as client:
        assert client.get(server.address).is_success
        with pytest.raises(InvalidProxyError, match=r"^HTTPS_PROXY: "):
            client.get("https://example.org")
        with pytest.raises(InvalidAuthoritiesError, match=r"^SSL_CERT_FILE: /no/such: No such file"):
            client.get("https://localhost")


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


def test_a_file_of_an_authority_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("nothing")
    with pytest.raises(InvalidAuthoritiesError) as caught:
        Authorities().context([tmp_path / "ca.crt"])

    assert str(caught.value) == (
        f"{tmp_path}/ca.crt: it has no certificate in PEM form: put certificates in PEM form there, or remove it"
    )
