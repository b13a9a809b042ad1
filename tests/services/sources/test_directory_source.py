"""Packages in a folder that somebody has filled."""

import shutil
from pathlib import Path

import pytest

from lifecycle.sources.deb_folder import MisnamedPackageError
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.sources.resolve_lock import StaleLockError
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.source_checkout import HEADERS, KERNEL, SourceCheckout, make_source_checkout


@pytest.fixture
def checkout(garden: Archive, tmp_path: Path) -> SourceCheckout:
    made = make_source_checkout(tmp_path, "{kind: directory, path: 'inputs/{version}'}", environ={})
    shutil.copytree(garden.folder / "pool", made.root / "inputs/1592.9")
    (made.root / "inputs/1592.9/README").write_text("not a package")
    return made


def test_a_release_is_resolved_downloaded_and_locked(checkout: SourceCheckout) -> None:
    project = checkout.resolve()
    checkout.empty_cache()
    checkout.download(project, locked=True)
    kernel = project.lock.kernels["gardenlinux-1592.9/amd64"]

    assert kernel.release == KERNEL
    assert [file.name for file in kernel.headers] == HEADERS
    assert kernel.headers[0].origin == f"file:inputs/1592.9/linux-headers-{KERNEL}_6.6.71-1_amd64.deb"


def test_without_a_metapackage_the_newest_kernel_of_the_flavour_is_meant(checkout: SourceCheckout) -> None:
    next((checkout.root / "inputs/1592.9").glob("linux-headers-cloud-amd64_*")).unlink()

    assert checkout.resolve().lock.kernels["gardenlinux-1592.9/amd64"].release == KERNEL


def test_a_file_with_another_packages_name_is_refused(checkout: SourceCheckout) -> None:
    folder = checkout.root / "inputs/1592.9"
    shutil.copy(next(folder.glob("libcuda1_*")), next(folder.glob("linux-kbuild-*")))
    with pytest.raises(MisnamedPackageError, match=r"is not the package in its name: it is libcuda1 550\.163\.01-1"):
        checkout.resolve()
    assert not (checkout.root / "versions.lock").exists()


def test_a_package_that_is_missing_is_named(checkout: SourceCheckout) -> None:
    next((checkout.root / "inputs/1592.9").glob("linux-kbuild-*")).unlink()
    with pytest.raises(PackageNotFoundError, match=r"does not carry linux-kbuild-6\.6\.71: it has no version of it"):
        checkout.resolve()


def test_a_file_that_vanished_after_locking_is_an_error_for_ci(checkout: SourceCheckout) -> None:
    project = checkout.resolve()
    checkout.empty_cache()
    next((checkout.root / "inputs/1592.9").glob("linux-kbuild-*")).unlink()
    with pytest.raises(StaleLockError, match="which the archive no longer carries"):
        checkout.download(project, locked=True)


def test_a_folder_that_is_not_there_is_a_mistake_in_the_component(checkout: SourceCheckout) -> None:
    shutil.rmtree(checkout.root / "inputs")
    done = checkout.invoke("fetch")

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert (
        "component.yaml: a source of kind directory names the folder 'inputs/1592.9', which does not exist"
        in done.stderr
    )
