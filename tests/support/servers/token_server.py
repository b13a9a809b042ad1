"""A token server as registries send clients to (Docker's "Token authentication"), on loopback; it writes down what was asked for.

A token allows exactly what its scope asks for, so that a client that asks for too little is refused by the registry.
"""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt

from tests.support.servers.registry_server import LOOPBACK, PASSWORD, USER, certificate

ISSUER, SERVICE = "tokens of the tests", "registry of the tests"


@dataclass
class TokenServer:
    """A token server that runs: what a registry is to be configured with, and the scopes that were granted."""

    configuration: dict[str, object]
    scopes: list[str] = field(default_factory=list)


@contextmanager
def token_server(folder: Path) -> Iterator[TokenServer]:
    """Start one whose certificate is kept in a folder; it ends with the block."""
    folder.mkdir()
    signer = certificate(folder, LOOPBACK)
    key = (folder / "key.pem").read_text()
    chain = [base64.b64encode(ssl.PEM_cert_to_DER_cert(signer.read_text())).decode()]
    expected = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != expected:
                self.send_error(401)
                return
            (scope,) = parse_qs(urlsplit(self.path).query).get("scope", [""])
            made.scopes.append(scope)
            body = json.dumps({"token": jwt.encode(_claims(scope), key, "ES256", {"x5c": chain})}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    realm = f"http://{LOOPBACK}:{server.server_port}/token"
    made = TokenServer({"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(signer)})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _claims(scope: str) -> dict[str, object]:
    now = int(time.time())
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    access = [{"type": kind, "name": name, "actions": actions.split(",")}] if scope else []
    times = {"iat": now, "nbf": now - 5, "exp": now + 60}
    return {"iss": ISSUER, "aud": SERVICE, "sub": USER, "jti": str(time.time_ns()), "access": access, **times}
