"""An HTTP server of one file on loopback, which fails as a test says."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifecycle.config.lock import LockedFile
from lifecycle.sources.download import DownloadRequest
from lifecycle.sources.transfer import Address
from tests.support.serving import serving

CONTENT = bytes(range(256)) * 4000


@dataclass
class Server:
    """A real HTTP server on loopback: its answers to each path, in turn, and the ranges that it was asked for."""

    address: str = ""
    script: dict[str, list[str]] = field(default_factory=dict)
    ranges: list[str | None] = field(default_factory=list)

    def request(self, path: str = "/file", content: bytes = CONTENT) -> DownloadRequest:
        file = LockedFile(name="f", version="1", origin=f"Debian{path}", size=len(content), sha256=digest(content))
        return DownloadRequest(file=file, address=Address(uri=f"{self.address}{path}"))


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _send_content(handler: BaseHTTPRequestHandler, step: str) -> None:
    start = 0
    wanted = handler.headers.get("Range")
    if wanted and step != "ignore range":
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
    handler.send_response(206 if start else 200)
    body = CONTENT[start:] if step != "other" else CONTENT[::-1]
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2] if step in ("cut", "hold") else body)
    if step == "hold":
        # It ends when the client closes the connection.
        handler.rfile.read()


@contextmanager
def file_server() -> Iterator[Server]:
    """Start a server that ends with the block."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.ranges.append(self.headers.get("Range"))
            steps = state.script.get(self.path, [])
            self.answer(steps.pop(0) if steps else "good")

        def answer(self, step: str) -> None:
            status, _, seconds = step.partition(" ")
            if status.isdigit():
                self.send_response(int(status))
                if seconds:
                    self.send_header("Retry-After", seconds)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if step == "elsewhere":
                self.send_response(302)
                self.send_header("Location", self.path)
                self.end_headers()
                return
            _send_content(self, step)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{http.server_port}"
    with serving(http):
        yield state
