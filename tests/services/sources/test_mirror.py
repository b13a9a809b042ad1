"""`invoke mirror`: from a signed APT archive into a real Swift, and built from there."""

import json
from pathlib import Path

import pytest

from lifecycle.sources.swift import SwiftSession
from lifecycle.sources.swift_login import swift_connection
from lifecycle.tools.digest import sha256_of
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.source_checkout import HEADERS, KERNEL, SourceCheckout, make_source_checkout
from tests.support.servers.swift_cluster import SwiftCluster
from tests.support.servers.web_server import Web

RELEASE = "gardenlinux-1592.9"
NAMES = sorted(f"1592.9/{name}_6.6.71-1_amd64.deb" for name in [*HEADERS, f"linux-image-{KERNEL}"])


@pytest.fixture
def container(request: pytest.FixtureRequest) -> str:
    return f"mirror-{request.node.name}".replace("[", "-").replace("]", "")


@pytest.fixture
def checkout(swift: SwiftCluster, web: Web, garden: Archive, container: str, tmp_path: Path) -> SourceCheckout:
    repository = {"uri": web.address, "keyring": str(garden.keyring), "suite": "{version}", "components": ["main"]}
    archive = {"kind": "apt", "repositories": [repository]}
    source = {"kind": "swift", "container": container, "prefix": "{version}/", "mirrorOf": archive}
    return make_source_checkout(tmp_path, json.dumps(source), environ=swift.environ)


def objects(checkout: SourceCheckout, container: str) -> list[str]:
    return [entry.name for entry in SwiftSession(checkout.environ).list_objects(container, "")]


def rows(checkout: SourceCheckout, *words: str) -> dict[str, str]:
    done = checkout.invoke("mirror", RELEASE, "--json", *words)
    assert done.returncode == 0, done.stderr
    return {row["object"].partition("/")[2]: row["action"] for row in json.loads(done.stdout)}


def test_what_a_release_needs_is_copied_once(checkout: SourceCheckout, container: str) -> None:
    assert rows(checkout) == dict.fromkeys(NAMES, "copied")
    assert objects(checkout, container) == NAMES
    assert rows(checkout) == dict.fromkeys(NAMES, "kept")


def test_a_dry_run_copies_nothing(checkout: SourceCheckout, container: str) -> None:
    SwiftSession(checkout.environ).upload(container, NAMES[0], checkout.root / "tasks.py", "0" * 64)
    before = objects(checkout, container)
    found = rows(checkout, "--dry-run")

    assert found == {NAMES[0]: "SKIP", **dict.fromkeys(NAMES[1:], "RUN")}
    assert objects(checkout, container) == before


def test_a_copy_that_was_interrupted_is_gone_on_with(checkout: SourceCheckout, web: Web, container: str) -> None:
    first = next((web.folder / "pool").glob(f"{HEADERS[0]}_*"))
    SwiftSession(checkout.environ).upload(container, f"1592.9/{first.name}", first, sha256_of(first))

    assert rows(checkout) == {**dict.fromkeys(NAMES, "copied"), f"1592.9/{first.name}": "kept"}


def test_what_somebody_uploaded_by_hand_is_compared_and_kept(
    checkout: SourceCheckout, web: Web, container: str
) -> None:
    first = next((web.folder / "pool").glob(f"{HEADERS[0]}_*"))
    connection = swift_connection(checkout.environ)
    connection.put_container(container)
    connection.put_object(container, f"1592.9/{first.name}", first.read_bytes())

    assert rows(checkout)[f"1592.9/{first.name}"] == "kept"

    connection.put_object(container, f"1592.9/{first.name}", first.read_bytes()[::-1])
    assert "the container has other files under these names" in checkout.invoke("mirror", RELEASE).stderr


def test_another_file_under_the_name_is_never_written_over(checkout: SourceCheckout, container: str) -> None:
    SwiftSession(checkout.environ).upload(container, NAMES[1], checkout.root / "tasks.py", "0" * 64)
    done = checkout.invoke("mirror", RELEASE)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert (
        f"the container has other files under these names: nothing was copied\n  {container}/{NAMES[1]}" in done.stderr
    )
    assert objects(checkout, container) == [NAMES[1]]


def test_what_was_mirrored_can_be_resolved(checkout: SourceCheckout) -> None:
    rows(checkout)
    session = checkout.session()
    source = session.project.component.source_of(RELEASE)
    (architecture,) = session.project.component.context.architecture

    assert session.sources.indexes.open(source, architecture).versions(HEADERS[0]) == ["6.6.71-1"]


def test_a_release_that_the_archive_lacks_is_named(checkout: SourceCheckout) -> None:
    done = checkout.invoke("mirror", "gardenlinux-9999.1")

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "has no suite '9999.1'" in done.stderr


def test_a_release_whose_source_is_no_container_is_named(swift: SwiftCluster, tmp_path: Path) -> None:
    done = make_source_checkout(tmp_path, "{kind: directory, path: x}", environ=swift.environ).invoke("mirror", RELEASE)

    assert done.returncode == 2
    assert f"sources.releases: {RELEASE} has a source of kind directory without `mirrorOf`" in done.stderr
