"""The files of other people: values of GitOps, nodes, Docker's configuration, answers of a registry, and bundles."""

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, example, given

from lifecycle.cache.cache import Cache
from lifecycle.kubernetes.manifests import read_values_file
from lifecycle.kubernetes.node_reader import read_nodes
from lifecycle.sources.bundle import read_bundle
from lifecycle.tools.archive import tar_header
from lifecycle.tools.engine.address import engine_address
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.credentials import login_for
from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.values_file import ValuesFile
from tests.fuzz.harness import FUZZ, judge, mutated, mutated_bytes
from tests.support.serving import serving

DIGEST = f"sha256:{'0' * 64}"
VALUES = """\
# of a cluster
image: &image
  tag: "1.0"  # ours
---
installers:
  - {release: debian-12, version: 535.1, image: {digest: sha256:0}}
  - release: debian-13
    version: |
      550
    image: *image
"""
NODES = """\
{"items": [{"metadata": {"name": "a", "labels": {"x": "y"}}, "status": {"capacity": {"nvidia.com/gpu": "8"},
 "nodeInfo": {"kernelVersion": "6.1.0-56-cloud-amd64", "osImage": "Debian GNU/Linux 12 (bookworm)", "architecture": "amd64"}}}]}
"""
DOCKER = '{"auths": {"nvcr.io": {"auth": "dTpw", "identitytoken": "T"}}, "credsStore": "", "currentContext": "x"}'
MANIFEST = (
    f'{{"schemaVersion": 2, "config": {{"digest": "{DIGEST}", "size": 1, "Labels": {{"a": "b"}}}}, '
    f'"layers": [{{"digest": "{DIGEST}", "size": 2}}], "tags": ["a", "b"], "errors": [{{"code": "X", "detail": {{}}}}]}}'
)
BUNDLE = f'{{"format": 1, "images": ["a:b"], "files": [{{"name": "x", "version": "1", "sha256": "{"0" * 64}"}}]}}'


@FUZZ
@given(mutated(VALUES), mutated("installers[release=debian-12].image.digest", "image.tag", '[0]."a b"'))
def test_values_of_gitops_never_end_in_a_traceback(text: str, keys: str) -> None:
    try:
        path = KeyPath.parse(keys)
    except ValueError:
        return
    # A longer key is one of component.yaml, which a message quotes in full.
    assume(len(keys) < 500)
    judge(lambda: ValuesFile(text, "values.yaml").set(path, "new"))


@FUZZ
@given(mutated_bytes(VALUES.partition("---")[0], "a: 2024-13-45\nb: !!int x\n"))
@example(b"a: 2024-13-45\n")
@example(b"a: !!timestamp x\n")
def test_values_of_the_chart_never_end_in_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "values.yaml"
        path.write_bytes(content)
        judge(lambda: read_values_file(str(path)))


@FUZZ
@given(mutated_bytes(NODES, "6.1.0-56-cloud-amd64\n# a comment\n"))
def test_a_list_of_nodes_never_ends_in_a_traceback(content: bytes) -> None:
    judge(lambda: read_nodes(content, file="nodes.json"))
    judge(lambda: read_nodes(content, file="nodes.json", selector="x=y"))


@FUZZ
@given(mutated_bytes(DOCKER))
def test_dockers_configuration_never_ends_in_a_traceback(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_bytes(content)
        environ = {"DOCKER_CONFIG": folder, "PATH": folder}
        judge(lambda: read_login(environ))
        judge(lambda: engine_address(environ))


def read_login(environ: Mapping[str, str]) -> None:
    """Read the login for a registry. Raise its error, which is else raised only if the registry wants a login."""
    login = login_for("nvcr.io", environ)
    if login and login.error:
        raise login.error


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Registry, list[bytes]]]:
    """Yield a registry, and the list whose last entry is its answer to any request."""
    bodies = [b""]
    statuses = {True: 200, False: 403}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses["tags" not in self.path or b"errors" not in bodies[-1]])
            self.send_header("Content-Length", str(len(bodies[-1])))
            self.end_headers()
            self.wfile.write(bodies[-1])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    registry = Registry(f"127.0.0.1:{server.server_port}", None, wait=lambda _: None)
    with serving(server), closing(registry):
        yield registry, bodies


@FUZZ
@given(content=mutated_bytes(MANIFEST))
@example(content=b'{"config": []}')
@example(content=b'{"config": {"digest": "x"}, "layers": [{}]}')
@example(content=b"[" * 100_000)
def test_answers_of_a_registry_never_end_in_a_traceback(served: tuple[Registry, list[bytes]], content: bytes) -> None:
    registry, bodies = served
    bodies[-1] = content
    judge(lambda: registry.image("a", "b"))
    judge(lambda: registry.tags("a"))


def bundle(index: bytes, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a bundle with an index of any bytes, and one file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        header = tar_header("bundle.json", size=len(index) if kind == tarfile.REGTYPE else 0)
        header.type, header.linkname = kind, "" if kind == tarfile.REGTYPE else "/etc/passwd"
        tar.addfile(header, io.BytesIO(index))
        tar.addfile(tar_header("images/0.tar", size=1), io.BytesIO(b"x"))
        tar.addfile(tar_header(f"blobs/{'0' * 64}", size=1), io.BytesIO(b"x"))
    return out.getvalue()


def judge_bundle(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.tar"
        path.write_bytes(content)
        cache = Cache(Path(folder) / "cache")
        judge(lambda: read_bundle(path, ["0" * 64], cache, Path(folder), advance=lambda _: None))


@FUZZ
@given(mutated_bytes(BUNDLE))
@example(b"[" * 100_000)
def test_the_index_of_a_bundle_never_ends_in_a_traceback(index: bytes) -> None:
    judge_bundle(bundle(index))


@FUZZ
@given(mutated(bundle(BUNDLE.encode()).decode("latin-1")).map(lambda text: text.encode("latin-1", errors="replace")))
@example(bundle(b"{}", tarfile.SYMTYPE))
@example(bundle(b"{}", tarfile.LNKTYPE))
@example(bundle(b"{}", tarfile.DIRTYPE))
@example(bundle(b"{}", tarfile.FIFOTYPE))
def test_the_bytes_of_a_bundle_never_end_in_a_traceback(content: bytes) -> None:
    judge_bundle(content)
