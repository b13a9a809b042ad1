"""A checkout whose packages come from an archive of the machine's apt, and the entries of such a machine."""

import json

from lifecycle.config.lock import LockedFile
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.source_checkout import SourceCheckout
from tests.support.servers.web_server import Web

SUITE = "1592.9"


def repository(**fields: object) -> str:
    """Return a source of one repository, in YAML's flow style: the archive labelled Test, unless fields say otherwise."""
    fields = {"archive": "Test", "suite": "{version}", "components": ["main"]} | fields
    return json.dumps({"kind": "apt", "repositories": [fields]})


def stanza(address: str, archive: Archive, **fields: str) -> str:
    """Return a stanza of a .sources file."""
    shown = {"Types": "deb", "URIs": address, "Suites": SUITE, "Components": "main", "Signed-By": str(archive.keyring)}
    return "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in {**shown, **fields}.items())


def fetch(checkout: SourceCheckout) -> list[LockedFile]:
    """Resolve and download everything, and return the locked files."""
    project = checkout.resolve()
    checkout.download(project)
    files = list(project.lock.files())
    cache = checkout.session().cache
    assert [file.name for file in files if not cache.has_blob(file.sha256)] == []
    return files


def debs_of(web: Web) -> set[str]:
    return {path.rpartition("/")[2].partition("_")[0] for path in web.asked if path.endswith(".deb")}
