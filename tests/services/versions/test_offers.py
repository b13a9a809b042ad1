"""New releases of a family, found in a container, and on a page for an archive that cannot be asked."""

import json
from pathlib import Path

from lifecycle.sources.swift import SwiftSession
from lifecycle.tools.digest import sha256_of
from lifecycle.versions.outdated import outdated_items
from lifecycle.versions.updates import OutdatedKind
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.source_checkout import SourceCheckout, make_source_checkout
from tests.support.servers.swift_cluster import SwiftCluster
from tests.support.servers.web_server import Web


def releases(checkout: SourceCheckout) -> list[tuple[str, str]]:
    checkout.resolve()
    return [(f.current, f.available) for f in outdated_items(checkout.session()) if f.kind is OutdatedKind.RELEASE]


def test_a_container_is_asked_for_the_versions_in_it(swift: SwiftCluster, garden: Archive, tmp_path: Path) -> None:
    session = SwiftSession(swift.environ)
    for prefix in ("gl/1592.9", "gl/1592.10", "other/1592.11"):
        for deb in (garden.folder / "pool").iterdir():
            session.upload("offers", f"{prefix}/{deb.name}", deb, sha256_of(deb))
    source = json.dumps({"kind": "swift", "container": "offers", "prefix": "gl/{version}/"})

    checkout = make_source_checkout(tmp_path, source, environ=swift.environ)
    assert releases(checkout) == [("gardenlinux-1592.9", "gardenlinux-1592.10")]


def test_a_page_names_the_versions_of_an_archive(web: Web, garden: Archive, tmp_path: Path) -> None:
    (web.folder / "index.html").write_text("<a>1592.9/</a> 2026-11-24 10:12 <a>1592.12/</a> 1.2K <a>1443.20/</a>")
    repository = {"uri": web.address, "keyring": str(garden.keyring), "suite": "{version}", "components": ["main"]}
    source = {"kind": "apt", "repositories": [repository], "versions": f"{web.address}/index.html"}

    checkout = make_source_checkout(tmp_path, json.dumps(source), environ={})
    assert releases(checkout) == [("gardenlinux-1592.9", "gardenlinux-1592.12")]


def test_an_archive_without_a_page_is_not_asked(web: Web, garden: Archive, tmp_path: Path) -> None:
    repository = {"uri": web.address, "keyring": str(garden.keyring), "suite": "{version}", "components": ["main"]}

    checkout = make_source_checkout(tmp_path, json.dumps({"kind": "apt", "repositories": [repository]}), environ={})
    assert releases(checkout) == []


def test_a_page_that_is_not_there_is_named(web: Web, garden: Archive, tmp_path: Path) -> None:
    repository = {"uri": web.address, "keyring": str(garden.keyring), "suite": "{version}", "components": ["main"]}
    source = {"kind": "apt", "repositories": [repository], "versions": f"{web.address}/nothing.html"}
    checkout = make_source_checkout(tmp_path, json.dumps(source), environ={})
    checkout.resolve()
    done = checkout.invoke("outdated")

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"the page of versions {web.address}/nothing.html cannot be read\n  the server answered 404" in done.stderr
