"""Routes of requests: directly, and through a real server that stands in for a proxy. tests/services has real proxies and TLS."""

import gc
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from lifecycle.tools.network.client import open_client
from lifecycle.tools.network.errors import InvalidAuthoritiesError, InvalidProxyError
from lifecycle.tools.network.retries import REPEATABLE, RetryPolicy
from tests.support.servers.faulty_server import FaultyServer, faulty_server
from tests.support.serving import serving

ELSEWHERE = "http://example.org/x"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running


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


def test_a_proxy_that_is_busy_is_asked_again(server: FaultyServer) -> None:
    server.script = ["503", "403"]
    waits: list[float] = []
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
    with answering(said) as port:
        proxy = f"socks5h://127.0.0.1:{port}"
        with open_client(environ={"ALL_PROXY": proxy}) as client, pytest.raises(httpx.ProxyError) as caught:
            client.get("https://example.org")

    assert str(caught.value) == f"the answer is not that of a SOCKS5 proxy (through the proxy {proxy} of ALL_PROXY)"


@contextmanager
def answering(said: bytes) -> Iterator[int]:
    """Run a server that answers whatever it is sent with the same bytes, and yield its port."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(100)
            self.request.sendall(said)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield server.server_address[1]


@pytest.mark.parametrize("proxy", ["http://\u00fc..x:1", "http://\u2603\u200b.x:1", "http://-\u00fc-.x:1"])
def test_a_proxy_whose_host_no_client_takes_is_one_sentence(proxy: str) -> None:
    with (
        open_client(environ={"HTTPS_PROXY": proxy}) as client,
        pytest.raises(InvalidProxyError, match=r"^HTTPS_PROXY: .* its host or port is invalid"),
    ):
        client.get("https://example.org")


def test_a_bad_setting_is_an_error_of_the_request_that_needs_it(server: FaultyServer) -> None:
    with open_client(environ={"HTTPS_PROXY": "socks4://p:1", "SSL_CERT_FILE": "/no/such"}) as client:
        assert client.get(server.address).is_success
        with pytest.raises(InvalidProxyError, match=r"^HTTPS_PROXY: "):
            client.get("https://example.org")
        with pytest.raises(InvalidAuthoritiesError, match=r"^SSL_CERT_FILE: /no/such: No such file"):
            client.get("https://localhost")
