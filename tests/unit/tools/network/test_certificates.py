"""Certificates that a client refuses, by a real server with TLS."""

import http.server
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx2 as httpx
import pytest

from lifecycle.tools.network.client import open_client
from tests.support.serving import serving

Serve = Callable[[str], tuple[str, Path]]
AUTHORITY = "SSL_CERT_FILE names the file of another authority"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Return a function that starts a server with a certificate for a name, and returns its address and the certificate."""
    with ExitStack() as stack:

        def start(name: str) -> tuple[str, Path]:
            certificate, key = tmp_path / "server.pem", tmp_path / "key.pem"
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
            command += ["-days", "2", "-subj", "/CN=server", "-addext", f"subjectAltName={name}"]
            subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
            server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            stack.enter_context(serving(server))
            return f"https://127.0.0.1:{server.server_port}", certificate

        yield start


def refused(address: str, environ: dict[str, str]) -> str:
    with open_client(environ=environ) as client, pytest.raises(httpx.ConnectError) as caught:
        client.get(address)
    return str(caught.value)


def test_an_unknown_authority_says_which_variable_names_one(serve: Serve) -> None:
    address, _ = serve("IP:127.0.0.1")

    assert AUTHORITY in refused(address, {})


def test_a_certificate_for_another_name_is_no_matter_of_authorities(serve: Serve) -> None:
    address, certificate = serve("DNS:other.example.org")
    said = refused(address, {"SSL_CERT_FILE": str(certificate)})

    assert "not valid for '127.0.0.1'" in said
    assert AUTHORITY not in said
