"""Objects of Swift in several parts, static and dynamic."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.sources.swift import SwiftSession
from lifecycle.sources.swift_login import swift_connection
from lifecycle.tools.digest import sha256_of
from tests.support.servers.swift_cluster import SwiftCluster


@pytest.fixture
def large(swift: SwiftCluster, tmp_path: Path) -> tuple[SwiftSession, Path]:
    """Return a session and a file of several segments."""
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * 200)
    return SwiftSession(swift.environ), path


Make = Callable[[SwiftSession, Path], None]


def static(session: SwiftSession, path: Path) -> None:
    session.upload("large", "object", path, sha256_of(path), segment=10_000)


def dynamic(session: SwiftSession, path: Path) -> None:
    connection = swift_connection(session.environ)
    connection.put_container("large")
    connection.put_container("parts")
    content = path.read_bytes()
    for number, offset in enumerate(range(0, len(content), 10_000)):
        connection.put_object("parts", f"object/{number:03}", content[offset : offset + 10_000])
    connection.put_object("large", "object", b"", headers={"X-Object-Manifest": "parts/object/"})


@pytest.mark.parametrize("make", [static, dynamic])
def test_a_large_object_arrives_whole_and_is_checked_part_by_part(large: tuple[SwiftSession, Path], make: Make) -> None:
    session, path = large
    make(session, path)
    assert session.find_mismatch("large", "object", path) == ""

    damaged = bytearray(path.read_bytes())
    damaged[25_000] ^= 1
    path.write_bytes(bytes(damaged))
    said = session.find_mismatch("large", "object", path)
    assert said.startswith(("its 10000 bytes from byte 20000 do not have Swift's MD5", "its sha256 is not"))

    path.write_bytes(path.read_bytes()[:-1])
    assert session.find_mismatch("large", "object", path) != ""


def test_an_upload_that_broke_off_is_gone_on_with(swift: SwiftCluster, large: tuple[SwiftSession, Path]) -> None:
    session, path = large
    session.upload("resumed", "object", path, sha256_of(path), segment=20_000)
    segments = session.list_objects("resumed_segments", "")
    connection = swift_connection(swift.environ)
    connection.delete_object("resumed", "object")
    connection.delete_object("resumed_segments", segments[-1].name)
    before = set(swift.files_of_objects())
    session.upload("resumed", "object", path, sha256_of(path), segment=20_000)

    assert session.list_objects("resumed_segments", "") == segments
    # The last segment and the manifest.
    assert len(set(swift.files_of_objects()) - before) == 2
    assert session.find_mismatch("resumed", "object", path) == ""
