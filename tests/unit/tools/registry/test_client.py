"""What Debian's docker-registry does not do: pages, failures, servers that are none. The rest is in tests/services."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lifecycle.tools.registry.client import Manifest, Registry
from lifecycle.tools.registry.errors import RegistryRefusedError, hint_for

BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
MANIFEST = Manifest(content=b"{}", media_type="application/vnd.oci.image.manifest.v1+json")


@dataclass
class Scripted:
    """A server that gives each path its answers, the last one again and again: status, headers, body."""

    answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    host: str = ""

    def add(self, path: str, body: object, *, status: int = 200, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.setdefault(path, []).append((status, headers, content))

    def registry(self) -> Registry:
        return Registry(self.host, None, wait=self.waits.append)


@pytest.fixture
def server() -> Iterator[Scripted]:
    made = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            answers = made.answers[self.path]
            status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.do_PUT()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.host = f"127.0.0.1:{running.server_port}"
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield made
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.mark.parametrize("before", ["", "http://elsewhere.example"])
def test_all_pages_of_tags_are_read_and_none_at_another_host(server: Scripted, before: str) -> None:
    second = "/v2/a/b/tags/list?n=2&last=2"
    server.add("/v2/a/b/tags/list", {"tags": ["1", "2"]}, Link=f'<{before}{second}>; rel="next"')
    server.add(second, {"tags": ["3"]})

    assert server.registry().tags("a/b") == ["1", "2", "3"]
    assert server.asked == ["/v2/a/b/tags/list", second]


@pytest.mark.parametrize(("status", "body"), [(404, {}), (200, {"tags": None})])
def test_a_repository_that_is_empty_or_not_there_has_no_tags(server: Scripted, status: int, body: object) -> None:
    server.add("/v2/a/tags/list", body, status=status)

    assert server.registry().tags("a") == []


def test_what_a_registry_fails_at_is_asked_for_again(server: Scripted) -> None:
    for status in (500, 503, 200):
        server.add("/v2/a/tags/list", {"tags": ["1"]}, status=status)

    assert server.registry().tags("a") == ["1"]
    assert server.waits == [0.5, 1.0]


@pytest.mark.parametrize("status", [400, 404])
def test_a_manifest_is_put_again_while_another_machine_uploads_its_blob(server: Scripted, status: int) -> None:
    server.add("/v2/a/manifests/1", {"errors": [{"code": "DIGEST_INVALID"}, {"code": BLOB_UNKNOWN}]}, status=status)
    server.add("/v2/a/manifests/1", {}, status=201)
    server.registry().put_manifest("a", "1", MANIFEST)

    assert (server.asked, server.waits) == (["/v2/a/manifests/1"] * 2, [0.5])


def test_a_blob_that_is_not_there_either_a_while_later_is_an_error(server: Scripted) -> None:
    server.add("/v2/a/manifests/1", {"errors": [{"code": BLOB_UNKNOWN, "message": "unknown"}]}, status=400)
    with pytest.raises(RegistryRefusedError, match="it answered 400 bad request: unknown"):
        server.registry().put_manifest("a", "1", MANIFEST)

    assert server.waits == [0.5, 1.0, 2.0]


def test_a_manifest_that_is_refused_for_itself_is_not_put_again(server: Scripted) -> None:
    server.add("/v2/a/manifests/1", {"errors": [{"code": "MANIFEST_INVALID"}]}, status=400)
    with pytest.raises(RegistryRefusedError):
        server.registry().put_manifest("a", "1", MANIFEST)

    assert server.waits == []


def test_a_blob_that_there_is_no_room_for_is_not_uploaded_anew(server: Scripted) -> None:
    server.add("/v2/a/blobs/sha256:1", {}, status=404)
    server.add("/v2/a/blobs/uploads/", {}, status=202, Location="/v2/a/upload")
    server.add("/v2/a/upload?digest=sha256%3A1", {}, status=500)
    with pytest.raises(RegistryRefusedError):
        server.registry().blobs.upload("a", "sha256:1", b"")

    assert server.asked.count("/v2/a/blobs/uploads/") == 1


def test_what_it_fails_at_again_and_again_is_an_error_in_its_own_words(server: Scripted) -> None:
    errors = {"errors": [{"code": "UNKNOWN", "message": "unknown error", "detail": {"Op": "write", "Err": 28}}]}
    server.add("/v2/a/tags/list", errors, status=500)
    with pytest.raises(RegistryRefusedError) as caught:
        server.registry().tags("a")

    assert str(caught.value).splitlines() == [
        f"the registry {server.host}: cannot list the tags of a",
        '  it answered 500 internal server error: unknown error: {"Op": "write", "Err": 28}',
        f"The disk of {server.host} is full: free some space there, and run the command again.",
    ]


def test_the_manifest_under_a_digest_has_to_be_the_one_of_that_digest(server: Scripted) -> None:
    digest = f"sha256:{'0' * 64}"
    server.add("/v2/a/manifests/x", {}, status=404)
    server.add(f"/v2/a/manifests/{digest}", {"config": {}})
    with pytest.raises(RegistryRefusedError, match="the registry does not have that manifest"):
        server.registry().retag("a", digest, "x")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"'])
def test_what_is_no_manifest_is_nobodys_image(server: Scripted, body: bytes) -> None:
    server.add("/v2/a/manifests/x", body)
    found = server.registry().image("a", "x")

    assert found is not None
    assert (found.id, found.labels) == ("", {})


def test_nobody_who_answers_is_named(server: Scripted) -> None:
    with pytest.raises(RegistryRefusedError, match="the registry no such host: cannot reach a"):
        Registry("no such host", None).image("a", "x")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("x509: certificate signed by unknown authority", "/etc/docker/certs.d/h:1/ca.crt"),
        ("[ssl: certificate_verify_failed] self-signed certificate", "/etc/docker/certs.d/h:1/ca.crt"),
        ("403 forbidden", "docker login h:1"),
        ("write /x: no space left on device", "The disk of h:1 is full"),
        ("teapot", ""),
    ],
)
def test_a_hint_says_what_to_do_where_that_is_known(said: str, hint: str) -> None:
    assert hint in hint_for("h:1", said)
    assert bool(hint) is bool(hint_for("h:1", said))
