"""A server of a registry's protocol with the responses of a test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifecycle.tools.registry.client import Registry
from tests.support.serving import serving


@dataclass
class Scripted:
    """A server with a list of responses (status, headers, body) for each path; it repeats the last one."""

    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    host: str = ""

    def add(self, path: str, body: object, *, status: int = 200, **headers: str) -> None:
        """Add a response of bytes or JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(path, []).append((status, headers, content))

    def registry(self) -> Registry:
        """Return a client without a login, whose waits are counted."""
        return Registry(self.host, None, wait=self.waits.append)


@contextmanager
def scripted_registry() -> Iterator[Scripted]:
    """Run a server on loopback without responses; `add` adds them."""
    made = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            answers = made.answers[self.path]
            status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.close_connection = True

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_PUT()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.host = f"127.0.0.1:{running.server_port}"
    with serving(running):
        yield made
