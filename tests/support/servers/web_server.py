"""A web server of a folder, on loopback."""

import base64
import functools
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.serving import serving


@dataclass(frozen=True)
class Web:
    """A web server of a folder, and the paths that it has been asked for."""

    folder: Path
    port: int
    scheme: str = "http"
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *args: Any, login: str, asked: list[str], **kwargs: Any) -> None:  # noqa: ANN401 - those of its base
        self._expected = login and f"Basic {base64.b64encode(login.encode()).decode()}"
        self._asked = asked
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        self._asked.append(self.path)
        if self._expected and self.headers.get("Authorization") != self._expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="test"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def web_server(folder: Path, *, login: str = "", certificate: Path | None = None) -> Iterator[Web]:
    """Serve a folder until the block ends: over HTTPS with a `certificate`, whose key.pem is beside it.

    A server with a `login`, `user:password`, wants it for every file.
    """
    asked: list[str] = []
    handler = functools.partial(_Handler, directory=str(folder), login=login, asked=asked)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield Web(folder, server.server_port, "https" if certificate else "http", asked)
