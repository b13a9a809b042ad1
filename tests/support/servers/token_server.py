"""A token server as registries send clients to, on loopback: by GET with a password, and by POST with a refresh token.

A token allows exactly what its scope asks for, so that a client that asks for too little is refused by the registry.
"""

import base64
import json
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt

from tests.support.servers.registry_server import LOOPBACK, PASSWORD, USER, certificate
from tests.support.serving import serving

REFRESH_TOKEN = "refresh-4711"  # noqa: S105 - of the tests
ISSUER, SERVICE = "tokens of the tests", "registry of the tests"


@dataclass
class TokenServer:
    """A token server that runs: the configuration for a registry, the scopes granted by GET, and the forms of POST.

    Where `only` has actions, its tokens allow no others.
    """

    configuration: dict[str, object]
    scopes: list[str] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    only: tuple[str, ...] = ()


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
            self.grant("token", scope)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            made.forms.append(form)
            if form.get("grant_type") != ["refresh_token"] or form.get("refresh_token") != [REFRESH_TOKEN]:
                self.send_error(401)
                return
            self.grant("access_token", form.get("scope", [""])[0])

        def grant(self, name: str, scope: str) -> None:
            """Send a token for a scope, under a name."""
            body = json.dumps({name: jwt.encode(_claims(scope, made.only), key, "ES256", {"x5c": chain})}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    realm = f"http://{LOOPBACK}:{server.server_port}/token"
    made = TokenServer({"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(signer)})
    with serving(server):
        yield made


def _claims(scope: str, only: Sequence[str]) -> dict[str, object]:
    now = int(time.time())
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    granted = [action for action in actions.split(",") if not only or action in only]
    access = [{"type": kind, "name": name, "actions": granted}] if scope else []
    times = {"iat": now, "nbf": now - 5, "exp": now + 60}
    return {"iss": ISSUER, "aud": SERVICE, "sub": USER, "jti": str(time.time_ns()), "access": access, **times}
