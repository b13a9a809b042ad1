import gc
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lifecycle.tools.engine import connection
from lifecycle.tools.engine.connection import EngineConnection
from lifecycle.tools.engine.errors import EngineUnreachableError
from tests.support.servers.faulty_server import faulty_server
from tests.support.serving import serving

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
DEAD_PROXY = {"HTTP_PROXY": "http://127.0.0.1:1", "ALL_PROXY": "socks5h://127.0.0.1:1"}


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    """Close the sockets that the SDK leaves open after a failed connection, so that no later test reports them."""
    yield
    gc.collect()


@pytest.fixture
def engine() -> Iterator[str]:
    """Start what an engine answers to a new client, at a TCP address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"ApiVersion": "1.44"}).encode() if self.path.endswith("/version") else b"OK"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(http):
        yield f"tcp://127.0.0.1:{http.server_port}"


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_an_engine_that_accepts_and_never_answers_is_named(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_FIRST_SECONDS", 0.2)
    family, place = (socket.AF_UNIX, str(tmp_path / "s")) if kind == "unix" else (socket.AF_INET, ("127.0.0.1", 0))
    with closing(socket.socket(family)) as listener:
        listener.bind(place)
        listener.listen()
        name = listener.getsockname()
        address = f"unix://{name}" if kind == "unix" else f"tcp://127.0.0.1:{name[1]}"
        with pytest.raises(EngineUnreachableError) as caught:
            _ = EngineConnection({"DOCKER_HOST": address}).client

    assert caught.value.brief == f"no container engine answers at {address}"
    assert caught.value.details == "  it accepts connections, but gives no answer"


def test_an_engine_that_runs_gets_time_for_its_work(engine: str) -> None:
    with closing(EngineConnection({"DOCKER_HOST": engine}).client) as client:
        assert client.api.timeout == 600


def test_an_engine_on_loopback_is_reached_past_a_proxy(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in DEAD_PROXY.items():
        monkeypatch.setenv(name, value)
    with closing(EngineConnection({"DOCKER_HOST": engine, **DEAD_PROXY}).client) as client:
        assert client.ping()


def test_an_engine_elsewhere_is_reached_through_the_proxy() -> None:
    with faulty_server() as proxy:
        environ = {"DOCKER_HOST": "tcp://engine.example:2375", "HTTP_PROXY": proxy.address}
        with pytest.raises(EngineUnreachableError, match="ApiVersion"):
            _ = EngineConnection(environ).client
        assert [address for _, address, _ in proxy.asked] == ["http://engine.example:2375/version"]

        with pytest.raises(EngineUnreachableError):
            _ = EngineConnection({**environ, "NO_PROXY": ".example"}).client
        assert len(proxy.asked) == 1


def test_a_bad_proxy_for_an_engine_is_one_sentence() -> None:
    environ = {"DOCKER_HOST": "tcp://engine.example:2375", "HTTP_PROXY": "socks4://p:1"}
    with pytest.raises(EngineUnreachableError, match=r"HTTP_PROXY: 'socks4://p:1': a proxy of the kind socks4"):
        _ = EngineConnection(environ).client
