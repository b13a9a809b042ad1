"""A driver from NVIDIA's own installer: found, locked, verified and unpacked."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import sha256_of
from lifecycle.config.file_format import FileFormat
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources import RunfileDriver
from lifecycle.pipeline.unpack import NotUnpackedError, Unpacker
from lifecycle.sources.download import CorruptDownloadError, SourceFileNotFoundError, WrongContentError
from lifecycle.sources.driver_versions import NoFilesError, NoVersionsError
from lifecycle.sources.swift import SwiftSession
from lifecycle.tools.archive import UnsafeArchiveError
from tests.support.builders.runfiles import make_runfile
from tests.support.builders.source_checkout import SourceCheckout, make_source_checkout
from tests.support.servers.swift_cluster import SwiftCluster
from tests.support.servers.web_server import Web, web_server

VERSIONS = ["550.90.07", "550.163.01", "570.10.01"]
FILES = {
    "kernel/Kbuild": b"k",
    "libcuda.so.1": b"cuda",
    "nvidia-smi": b"smi",
    "LICENSE": b"l",
    "32/libcuda.so.1": b"no",
}
NO_RELEASE = "{kind: directory, path: .}"


@pytest.fixture(scope="session")
def runfiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with installers of some versions, beside the folders from which they are made."""
    folder = tmp_path_factory.mktemp("runfiles")
    for version in VERSIONS:
        make_runfile(folder, version, FILES)
    return folder


@pytest.fixture
def drivers(runfiles: Path, tmp_path: Path) -> Iterator[Web]:
    """Serve a copy of the installers on the web, which a test can damage."""
    folder = tmp_path / "web"
    folder.mkdir()
    for path in runfiles.glob("*.run"):
        (folder / path.name).write_bytes(path.read_bytes())
    with web_server(folder) as server:
        yield server


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


def redistributable(path: Path, files: Mapping[str, bytes], *, top: str = "") -> Path:
    """Write an archive like NVIDIA's redistributable one, with a single folder named after the version."""
    top = top or path.name.removesuffix(".tar.xz") + "/"
    with tarfile.open(path, "w:xz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{top}{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def kept(cache: Cache, path: Path, name: str, version: str = "550.163.01") -> LockedFile:
    digest = sha256_of(path)
    cache.part(digest).write_bytes(path.read_bytes())
    cache.keep_blob(cache.part(digest), digest)
    return LockedFile(name=name, version=version, origin=f"file:{path}", size=path.stat().st_size, sha256=digest)


def unpacked(unpacker: Unpacker, path: Path, folder: Path) -> list[str]:
    unpacker.unpack(kept(unpacker.cache, path, "driver"), folder, wanted=lambda name: not name.startswith("32/"))
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def test_an_installer_unpacks_itself_in_a_container(unpacker: Unpacker, runfiles: Path, tmp_path: Path) -> None:
    found = unpacked(unpacker, runfiles / "NVIDIA-Linux-x86_64-550.163.01.run", tmp_path / "out")

    assert found == sorted(name for name in FILES if not name.startswith("32/"))
    assert (tmp_path / "out/nvidia-smi").stat().st_mode & 0o111


@pytest.mark.parametrize("damage", ["tampered", "truncated"])
def test_a_damaged_installer_is_quoted_in_its_own_words(
    unpacker: Unpacker, drivers: Web, tmp_path: Path, damage: str
) -> None:
    path = drivers.folder / "NVIDIA-Linux-x86_64-550.163.01.run"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(bytes(content) if damage == "tampered" else bytes(content[:-100]))
    with pytest.raises(NotUnpackedError, match=r"driver 550\.163\.01 cannot be unpacked") as caught:
        unpacked(unpacker, path, tmp_path / "out")

    assert ("checksum" if damage == "tampered" else "Unexpected archive size") in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "bin/../../../escaped"])
def test_an_archive_that_leads_out_is_refused_and_writes_nothing(unpacker: Unpacker, tmp_path: Path, name: str) -> None:
    path = redistributable(tmp_path / "fabricmanager-1-archive.tar.xz", {name: b"1"}, top="" if "bin" in name else "./")
    if name.startswith("/"):
        path = redistributable(path, {name: b"1"}, top="/..")
    with pytest.raises(UnsafeArchiveError, match="a path outside the archive"):
        unpacked(unpacker, path, tmp_path / "in" / "out")

    assert list(tmp_path.rglob("escaped")) == []


def test_a_link_that_leads_out_is_refused(unpacker: Unpacker, tmp_path: Path) -> None:
    path = tmp_path / "fabricmanager-1-archive.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        member = tarfile.TarInfo("top/bin/link")
        member.type, member.linkname = tarfile.SYMTYPE, "../../../outside"
        tar.addfile(member)
    with pytest.raises(UnsafeArchiveError):
        unpacked(unpacker, path, tmp_path / "out")


def test_an_archive_that_is_cut_off_is_named(unpacker: Unpacker, tmp_path: Path) -> None:
    path = redistributable(tmp_path / "fabricmanager-1-archive.tar.xz", {"bin/a": bytes(range(256)) * 999})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(NotUnpackedError, match="cannot be unpacked"):
        unpacked(unpacker, path, tmp_path / "out")


def test_what_is_neither_is_named(unpacker: Unpacker, tmp_path: Path) -> None:
    (tmp_path / "driver.zip").write_bytes(b"PK")
    with pytest.raises(NotUnpackedError, match=r"driver\.zip has none of the known endings: \.deb, \.run, \.tar\.xz"):
        unpacked(unpacker, tmp_path / "driver.zip", tmp_path / "out")


def test_each_kind_says_what_it_was(unpacker: Unpacker, runfiles: Path, tmp_path: Path) -> None:
    path = runfiles / "NVIDIA-Linux-x86_64-550.90.07.run"
    file = kept(unpacker.cache, path, "driver")

    assert unpacker.unpack(file, tmp_path / "out", wanted=lambda _: True) is FileFormat.RUNFILE
