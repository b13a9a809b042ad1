"""A driver from NVIDIA's own installer: found, locked, verified and unpacked."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.driver_sources import RunfileDriver
from lifecycle.sources.download import CorruptDownloadError, SourceFileNotFoundError, WrongContentError
from lifecycle.sources.driver_versions import NoFilesError, NoVersionsError
from lifecycle.sources.swift import SwiftSession
from lifecycle.tools.digest import sha256_of
from tests.support.builders.runfiles import redistributable
from tests.support.checkouts.source_checkout import SourceCheckout, make_source_checkout
from tests.support.servers.swift_cluster import SwiftCluster
from tests.support.servers.web_server import Web

VERSIONS = ["550.90.07", "550.163.01", "570.10.01"]
NO_RELEASE = "{kind: directory, path: .}"


def lab_of(
    tmp_path: Path, url: str, *, version: str = "550", environ: Mapping[str, str] | None = None, **more: str
) -> SourceCheckout:
    driver = json.dumps({"kind": "runfile", "url": url, **more})
    return make_source_checkout(tmp_path, NO_RELEASE, environ=environ or {}, driver=driver, driver_version=version)


def driver_of(checkout: SourceCheckout) -> dict[str, LockedFile]:
    """Resolve the lock and return the driver's files by name."""
    return {file.name: file for file in checkout.resolve_driver().userspace}


def test_a_branch_is_the_newest_version_in_a_folder(runfiles: Path, tmp_path: Path) -> None:
    checkout = lab_of(tmp_path, f"{runfiles}/NVIDIA-Linux-{{arch}}-{{version}}.run")
    locked = checkout.resolve_driver()
    path = runfiles / "NVIDIA-Linux-x86_64-550.163.01.run"

    assert locked.version == "550.163.01"
    assert locked.userspace == locked.modules["proprietary"]  # type: ignore[index]
    assert [(f.name, f.sha256, f.origin) for f in locked.userspace] == [
        ("NVIDIA-Linux-x86_64", sha256_of(path), f"file:{path}")
    ]


def test_a_branch_is_the_newest_version_in_a_container(swift: SwiftCluster, runfiles: Path, tmp_path: Path) -> None:
    session = SwiftSession(swift.environ)
    for version in VERSIONS:
        path = runfiles / f"NVIDIA-Linux-x86_64-{version}.run"
        session.upload("drivers", f"nvidia/{path.name}", path, sha256_of(path), segment=4096)
    checkout = lab_of(tmp_path, "swift:drivers/nvidia/NVIDIA-Linux-{arch}-{version}.run", environ=swift.environ)

    assert driver_of(checkout)["NVIDIA-Linux-x86_64"].sha256 == sha256_of(
        runfiles / "NVIDIA-Linux-x86_64-550.163.01.run"
    )


def test_a_branch_is_the_newest_version_that_a_page_names(drivers: Web, tmp_path: Path) -> None:
    (drivers.folder / "list.html").write_text("<a href='550.90.07/'>550.90.07/</a> <a href='570.10.01/'>570.10.01/</a>")
    url = f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run"
    checkout = lab_of(tmp_path, url, versions=f"{drivers.address}/list.html")

    assert checkout.resolve_driver().version == "550.90.07"


def test_a_branch_on_the_web_without_a_page_asks_for_an_exact_version(drivers: Web, tmp_path: Path) -> None:
    checkout = lab_of(tmp_path, f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run")
    with pytest.raises(
        NoVersionsError, match="cannot be listed: write an exact version, or name a page under `versions`"
    ):
        checkout.resolve_driver()


def test_a_branch_that_a_folder_lacks_says_what_there_is(runfiles: Path, tmp_path: Path) -> None:
    checkout = lab_of(tmp_path, f"{runfiles}/NVIDIA-Linux-{{arch}}-{{version}}.run.bak")
    with pytest.raises(NoVersionsError, match="it has none at all"):
        checkout.resolve_driver()


def test_a_version_that_is_not_there_is_a_mistake_in_the_component(drivers: Web, tmp_path: Path) -> None:
    checkout = lab_of(tmp_path, f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run", version="550.10.01")
    with pytest.raises(SourceFileNotFoundError, match=r"there is no NVIDIA-Linux-x86_64 550\.10\.01 at http"):
        checkout.resolve_driver()


def test_a_version_that_a_page_names_and_the_url_lacks_is_skipped(
    drivers: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drivers.folder / "list.html").write_text("550.90.07/ 550.163.01/ 550.170.01/ 550.171.01/")
    url, page = f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run", f"{drivers.address}/list.html"
    checkout = lab_of(tmp_path, url, versions=page)

    assert checkout.resolve_driver().version == "550.163.01"
    missing = ", ".join(
        f"{drivers.address}/NVIDIA-Linux-x86_64-{version}.run" for version in ("550.171.01", "550.170.01")
    )
    said = f"driver 550 is 550.163.01: {page} names newer ones, but {missing} is missing"
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("branch", "offered"), [("550", ["550.163.01", "550.90.07"]), ("570", ["570.10.01"])])
def test_versions_without_files_are_not_offered(drivers: Web, tmp_path: Path, branch: str, offered: list[str]) -> None:
    (drivers.folder / "list.html").write_text("550.90.07/ 550.163.01/ 550.171.01/ 570.10.01/ 570.20.01/")
    url, page = f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run", f"{drivers.address}/list.html"
    runfiles = lab_of(tmp_path, url, versions=page).session().sources.resolver.runfiles
    source = RunfileDriver(kind="runfile", url=url, versions=page)

    assert runfiles.offered(branch, source, Architecture.AMD64) == offered
    assert runfiles.offered("*", source, Architecture.AMD64) == ["570.10.01", "550.163.01", "550.90.07"]


def test_a_page_of_which_the_url_has_no_version_is_a_mistake(drivers: Web, tmp_path: Path) -> None:
    (drivers.folder / "list.html").write_text("550.171.01/ 550.170.01/ 570.10.01/")
    url, page = f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run", f"{drivers.address}/list.html"
    with pytest.raises(NoFilesError, match=r"names 2 versions of it, and the files of none exist \(http.*550\.171\.01"):
        lab_of(tmp_path, url, versions=page).resolve_driver()


@pytest.mark.parametrize("name", ["{}", "{}.sha256sum"])
def test_a_web_page_in_place_of_a_file_is_refused(drivers: Web, tmp_path: Path, name: str) -> None:
    path = drivers.folder / name.format("NVIDIA-Linux-x86_64-550.163.01.run")
    path.write_text("<!DOCTYPE html><html><head><title>Sign in to the network</title></head></html>")
    checkout = lab_of(tmp_path, f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run", version="550.163.01")
    with pytest.raises(WrongContentError) as caught:
        checkout.resolve_driver()

    assert str(caught.value).splitlines()[:2] == [
        f"the file that came as {path.name} is a web page ('Sign in to the network'): it was deleted",
        f"  from {drivers.address}/{path.name}",
    ]
    assert "check HTTPS_PROXY" in str(caught.value)


def test_a_checksum_file_without_a_checksum_is_refused(drivers: Web, tmp_path: Path) -> None:
    (drivers.folder / "NVIDIA-Linux-x86_64-550.163.01.run.sha256sum").write_text("try again later\n")
    checkout = lab_of(tmp_path, f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run", version="550.163.01")
    with pytest.raises(
        WrongContentError, match="is no checksum file: it states no single sha256 for NVIDIA-Linux-x86_64-"
    ):
        checkout.resolve_driver()


@pytest.mark.parametrize("form", ["right", "upper", "wrong"])
def test_the_checksum_that_nvidia_publishes_beside_it_has_to_hold(drivers: Web, tmp_path: Path, form: str) -> None:
    path = drivers.folder / "NVIDIA-Linux-x86_64-550.163.01.run"
    right = sha256_of(path)
    stated = {"right": right, "upper": right.upper(), "wrong": "0" * 64}[form]
    path.with_name(f"{path.name}.sha256sum").write_text(f"{stated}  {path.name}\n")
    checkout = lab_of(tmp_path, f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run", version="550.163.01")
    if form != "wrong":
        assert driver_of(checkout)["NVIDIA-Linux-x86_64"].sha256 == right
        return
    with pytest.raises(CorruptDownloadError, match="does not match the checksum of its source: it was deleted"):
        checkout.resolve_driver()
    assert not checkout.session().cache.has_blob(sha256_of(path))


def test_fabric_manager_is_of_the_drivers_version(drivers: Web, tmp_path: Path) -> None:
    name = "fabricmanager-linux-x86_64-550.163.01-archive.tar.xz"
    redistributable(drivers.folder / name, {"bin/nv-fabricmanager": b"fm"})
    checkout = lab_of(
        tmp_path,
        f"{drivers.address}/NVIDIA-Linux-{{arch}}-{{version}}.run",
        version="550.163.01",
        fabricManager=f"{drivers.address}/fabricmanager-{{platform}}-{{version}}-archive.tar.xz",
    )
    files = driver_of(checkout)

    assert list(files) == ["NVIDIA-Linux-x86_64", "fabricmanager-linux-x86_64"]
    assert files["fabricmanager-linux-x86_64"].version == "550.163.01"
