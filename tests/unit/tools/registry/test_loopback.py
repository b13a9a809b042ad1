"""A registry on the loopback address of IPv6, which an engine accepts without TLS as it accepts 127.0.0.1."""

import http.server
import socket
from collections.abc import Iterator

import pytest

from lifecycle.tools.registry.client import Registry
from tests.support.serving import serving


class _Tags(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"name": "a", "tags": ["one"]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


class _Server(http.server.HTTPServer):
    address_family = socket.AF_INET6


@pytest.fixture
def host() -> Iterator[str]:
    """Start a registry at [::1], and return its name."""
    try:
        server = _Server(("::1", 0), _Tags)
    except OSError as error:
        pytest.skip(f"this machine has no loopback of IPv6: {error}")
    with serving(server):
        yield f"[::1]:{server.server_port}"


def test_a_registry_at_ipv6_loopback_needs_no_tls(host: str) -> None:
    registry = Registry(host, None)

    assert registry.tags("a") == ["one"]
    registry.close()
