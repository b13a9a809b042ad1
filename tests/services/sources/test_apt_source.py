"""Garden Linux from an APT archive whose suite is the version, over HTTP."""

import json
from pathlib import Path

import pytest

from lifecycle.errors import UsageError
from lifecycle.sources.apt.index import ArchiveUpdateError, SuiteNotFoundError
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.sources.resolve_lock import StaleLockError
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.source_checkout import HEADERS, KERNEL, SourceCheckout, make_source_checkout
from tests.support.servers.web_server import Web


def source(uri: str, keyring: Path, suite: str = "{version}") -> str:
    repository = {"uri": uri, "keyring": str(keyring), "suite": suite, "components": ["main"]}
    return json.dumps({"kind": "apt", "repositories": [repository]})


@pytest.fixture
def checkout(web: Web, garden: Archive, tmp_path: Path) -> SourceCheckout:
    return make_source_checkout(tmp_path, source(web.address, garden.keyring), environ={})


def test_a_release_is_resolved_downloaded_and_locked(checkout: SourceCheckout) -> None:
    project = checkout.resolve()
    fetched = checkout.download(project)
    kernel = project.lock.kernels["gardenlinux-1592.9/amd64"]

    assert (kernel.release, kernel.version) == (KERNEL, "6.6.71")
    assert [file.name for file in kernel.headers] == HEADERS
    assert fetched.downloaded_files == len(checkout.kept()) > len(HEADERS)
    assert all(checkout.session().cache.has_blob(file.sha256) for file in project.lock.files())


def test_what_is_locked_is_not_asked_for_again(checkout: SourceCheckout) -> None:
    checkout.download(checkout.resolve())

    assert checkout.download(checkout.resolve(locked=True), locked=True).downloaded_files == 0


def test_an_archive_that_another_key_has_signed_is_refused(web: Web, garden: Archive, tmp_path: Path) -> None:
    checkout = make_source_checkout(tmp_path, source(web.address, garden.wrong_keyring), environ={})
    with pytest.raises(ArchiveUpdateError, match=r"the archive of 1592\.9 cannot be used") as caught:
        checkout.resolve()

    assert "NO_PUBKEY" in str(caught.value)
    assert checkout.kept() == []


def test_a_list_of_packages_that_was_tampered_with_is_refused(checkout: SourceCheckout, web: Web) -> None:
    packages = web.folder / "dists/1592.9/main/binary-amd64/Packages"
    packages.write_text(packages.read_text().replace("6.6.71-1", "6.6.72-1"))
    with pytest.raises(ArchiveUpdateError, match="cannot be used"):
        checkout.resolve()

    assert not (checkout.root / "versions.lock").exists()


def test_a_package_that_was_removed_after_locking_is_an_error_for_ci(checkout: SourceCheckout, web: Web) -> None:
    project = checkout.resolve()
    next((web.folder / "pool").glob(f"linux-headers-{KERNEL}_*")).unlink()
    with pytest.raises(StaleLockError, match="which the archive no longer carries: run `invoke fetch` and commit"):
        checkout.download(project, locked=True)


def test_a_version_that_the_archive_lacks_is_a_mistake_in_the_component(
    web: Web, garden: Archive, tmp_path: Path
) -> None:
    checkout = make_source_checkout(tmp_path, source(web.address, garden.keyring, suite="9999.{version}"), environ={})
    with pytest.raises(
        SuiteNotFoundError, match=r"has no suite '9999\.1592\.9': in component.yaml, name a release that it has"
    ):
        checkout.resolve()


def test_a_kernel_that_the_archive_lacks_is_a_mistake_in_the_component(checkout: SourceCheckout) -> None:
    path = checkout.root / "component.yaml"
    path.write_text(path.read_text().replace("channel: current", "kernel: 6.6.99-cloud-amd64, channel: current"))
    with pytest.raises(PackageNotFoundError, match=r"does not carry linux-headers-6\.6\.99-cloud-amd64") as caught:
        checkout.resolve()

    assert isinstance(caught.value, UsageError)
