"""An HTTP server on loopback that answers each request as a script says: a status, a reset connection, or nothing."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.serving import serving

_RESET = struct.pack("ii", 1, 0)


@dataclass
class FaultyServer:
    """A server, which is a proxy too: it answers requests for any host itself.

    Each request takes the next step of the script, or `200` when that is used up. A step is a status, a status with a
    Retry-After (`429 7`), `reset`, or `silence`, which lasts until `release` is set. `page` is the body of its answers.
    `asked` has the method, the address and the body of each request.
    """

    address: str = ""
    script: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    page: bytes = b"{}"

    @property
    def methods(self) -> list[str]:
        return [method for method, _, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    """The handler of a server's requests."""

    state: FaultyServer

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.state.asked.append((self.command, self.path, body))
        step = self.state.script.pop(0) if self.state.script else "200"
        if step == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.close_connection = True
        elif step == "silence":
            self.state.release.wait(60)
        else:
            self.answer(*step.split(" ", 1))

    def answer(self, status: str, retry_after: str = "") -> None:
        self.send_response(int(status))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", str(len(self.state.page)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(self.state.page)

    def log_message(self, *_: object) -> None:
        pass


for _method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT"):
    setattr(_Handler, f"do_{_method}", _Handler.do_GET)


@contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    """Start a server that ends with the block."""
    state = FaultyServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    # A reset needs the last reference to the connection to be closed without the shutdown that socketserver does.
    http.shutdown_request = http.close_request  # type: ignore[method-assign]
    state.address = f"http://127.0.0.1:{http.server_port}"
    with serving(http):
        try:
            yield state
        finally:
            state.release.set()
