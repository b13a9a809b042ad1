"""Requests to a registry that are tried again."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from lifecycle.tools.registry.errors import RegistryRefusedError
from tests.support.servers.scripted_registry import Scripted

BUSY: dict[str, Any] = {"Retry-After": "7"}
CUT: dict[str, Any] = {"Content-Length": "1000"}
LATER: dict[str, Any] = {"Retry-After": "3600"}


@pytest.mark.parametrize("kind", ["seconds", "date"])
def test_a_busy_registry_is_waited_for_as_it_asks(server: Scripted, kind: str) -> None:
    date: dict[str, Any] = {"Retry-After": "Wed, 21 Oct 2026 07:28:07 GMT", "Date": "Wed, 21 Oct 2026 07:28:00 GMT"}
    server.add("/v2/a/tags/list", {}, status=429, **(date if kind == "date" else BUSY))
    server.add("/v2/a/tags/list", {"tags": ["1"]})

    assert server.registry().tags("a") == ["1"]
    assert server.waits == [7]


def test_a_registry_that_asks_for_an_hour_is_an_error_that_says_so(server: Scripted) -> None:
    server.add("/v2/a/tags/list", {}, status=429, **LATER)
    with pytest.raises(RegistryRefusedError, match="it answered 429 too many requests, to be tried again in 3600 s"):
        server.registry().tags("a")

    assert server.waits == []


def test_a_busy_token_server_is_waited_for(server: Scripted) -> None:
    challenge: dict[str, Any] = {"WWW-Authenticate": f'Bearer realm="http://{server.host}/token",service="s"'}
    server.add("/v2/a/tags/list", {}, status=401, **challenge)
    server.add("/v2/a/tags/list", {"tags": ["1"]})
    server.add("/token?service=s&scope=repository%3Aa%3Apull", {}, status=429, **BUSY)
    server.add("/token?service=s&scope=repository%3Aa%3Apull", {"token": "t"})

    assert server.registry().tags("a") == ["1"]
    assert server.waits == [7]


def test_a_blob_whose_content_ends_early_is_downloaded_again(server: Scripted, tmp_path: Path) -> None:
    content = b"x" * 1000
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    server.add(f"/v2/a/blobs/{digest}", content[:100], **CUT)
    server.add(f"/v2/a/blobs/{digest}", content)
    server.registry().blobs.download("a", digest, tmp_path / "blob")

    assert (tmp_path / "blob").read_bytes() == content
    assert len(server.waits) == 1


def test_a_blob_that_never_ends_well_is_an_error(server: Scripted, tmp_path: Path) -> None:
    server.add("/v2/a/blobs/sha256:1", b"x", **CUT)
    with pytest.raises(RegistryRefusedError, match="cannot read a@sha256:1"):
        server.registry().blobs.download("a", "sha256:1", tmp_path / "blob")

    assert len(server.waits) == 3
