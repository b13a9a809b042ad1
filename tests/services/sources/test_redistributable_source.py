"""A driver from a folder laid out as NVIDIA's redistributable one: found, locked, checked against its index, and unpacked."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.config.lock import LockedFile
from lifecycle.sources.download import CorruptDownloadError, WrongContentError
from lifecycle.sources.driver_versions import NoVersionsError
from lifecycle.sources.redistributable import DRIVER, FABRIC_MANAGER, InvalidIndexError
from lifecycle.tools.archive import extract_safely
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.builders.runfiles import add_version
from tests.support.checkout import ROOT
from tests.support.checkouts.source_checkout import SourceCheckout, make_source_checkout
from tests.support.servers.web_server import Web, web_server

VERSIONS = ["550.90.07", "550.163.01", "570.10.01"]
FILES = (
    "LICENSE",
    "kernel/Kbuild",
    "kernel-open/Kbuild",
    "kernel/nvidia/lib/x.c",
    "lib/libcuda.so.1",
    "sbin/nvidia-smi",
)
ARCHIVE = f"{DRIVER}/linux-x86_64/{DRIVER}-linux-x86_64-550.163.01-archive.tar.xz"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """Serve a folder with three versions on the web, which lists it as NVIDIA's server does."""
    tree, manager, folder = tmp_path / "tree", tmp_path / "manager", tmp_path / "web"
    for name in FILES:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    (manager / "bin").mkdir(parents=True)
    (manager / "bin/nv-fabricmanager").write_text("fm")
    for version in VERSIONS:
        add_version(folder, version, {DRIVER: tree, FABRIC_MANAGER: manager})
    with web_server(folder) as server:
        yield server


def checkout_of(tmp_path: Path, url: str, *, version: str = "550", **more: object) -> SourceCheckout:
    driver = json.dumps({"kind": "redistributable", "url": url, **more})
    return make_source_checkout(
        tmp_path / "checkout", "{kind: directory, path: .}", environ={}, driver=driver, driver_version=version
    )


def names(files: list[LockedFile]) -> list[tuple[str, str]]:
    return [(file.name, file.version) for file in files]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_branch_is_the_newest_version_that_the_folder_lists(web: Web, tmp_path: Path, slash: str) -> None:
    driver = checkout_of(tmp_path, f"{web.address}{slash}").resolve_driver()
    (file,) = driver.userspace

    assert (driver.version, names([file])) == ("550.163.01", [("nvidia_driver-linux-x86_64", "550.163.01")])
    assert file.origin == f"{web.address}/{ARCHIVE}"
    assert driver.modules == {"proprietary": [file]}


def test_a_folder_of_this_machine_serves_as_well(web: Web, tmp_path: Path) -> None:
    driver = checkout_of(tmp_path, str(web.folder), fabricManager=True).resolve_driver()

    assert names(driver.userspace) == [
        ("nvidia_driver-linux-x86_64", "550.163.01"),
        ("fabricmanager-linux-x86_64", "550.163.01"),
    ]


def test_a_page_of_its_own_may_name_the_versions(web: Web, tmp_path: Path) -> None:
    (web.folder / "page.html").write_text("redistrib_550.90.07.json 550.163.01")
    driver = checkout_of(tmp_path, web.address, versions=f"{web.address}/page.html").resolve_driver()

    assert driver.version == "550.90.07"


def test_an_index_that_is_gone_is_skipped(web: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (web.folder / "page.html").write_text("redistrib_550.90.07.json redistrib_550.170.01.json")
    driver = checkout_of(tmp_path, web.address, versions=f"{web.address}/page.html").resolve_driver()

    assert driver.version == "550.90.07"
    said = " ".join(capsys.readouterr().err.split())
    assert f"names newer ones, but {web.address}/redistrib_550.170.01.json is missing" in said


def test_a_branch_that_the_folder_lacks_says_what_there_is(web: Web, tmp_path: Path) -> None:
    for name in ("550.163.01", "550.90.07"):
        (web.folder / f"redistrib_{name}.json").unlink()
    with pytest.raises(NoVersionsError, match=r"has no version of it: it has 570\.10\.01"):
        checkout_of(tmp_path, web.address).resolve_driver()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("sha256", "0" * 64, "its sha256 is .*, and its index states 0000"),
        ("size", "4711", "bytes, and its index states 4711"),
    ],
)
def test_an_archive_has_to_match_its_index(web: Web, tmp_path: Path, key: str, value: str, said: str) -> None:
    index = web.folder / "redistrib_550.163.01.json"
    content = json.loads(index.read_text())
    content[DRIVER]["linux-x86_64"][key] = value
    index.write_text(json.dumps(content))
    with pytest.raises(CorruptDownloadError, match=said):
        checkout_of(tmp_path, web.address).resolve_driver()


@pytest.mark.parametrize("name", ["redistrib_550.163.01.json", ARCHIVE])
def test_a_web_page_in_place_of_a_file_is_refused(web: Web, tmp_path: Path, name: str) -> None:
    (web.folder / name).write_text("<html><title>Portal</title>")
    with pytest.raises(WrongContentError, match="is a web page \\('Portal'\\): it was deleted"):
        checkout_of(tmp_path, web.address).resolve_driver()


def test_an_index_without_fabric_manager_is_named_before_a_download(web: Web, tmp_path: Path) -> None:
    index = web.folder / "redistrib_550.163.01.json"
    content = json.loads(index.read_text())
    del content[FABRIC_MANAGER]
    index.write_text(json.dumps(content))
    (web.folder / ARCHIVE).unlink()
    with pytest.raises(
        InvalidIndexError, match=r"redistrib_550\.163\.01\.json cannot be used: it has no 'fabricmanager'"
    ):
        checkout_of(tmp_path, web.address, fabricManager=True).resolve_driver()


def test_the_kernel_sources_are_unpacked_as_an_installer_unpacks_them(web: Web, builder: str, tmp_path: Path) -> None:
    script = "/in/runfile/archive.run"
    files = {
        script.lstrip("/"): ROOT / "scripts/redistributable/archive.run",
        f"in/runfile/0-{Path(ARCHIVE).name}": web.folder / ARCHIVE,
    }
    command = ["sh", script, "--extract-only", "--target", "/out/new/driver"]
    target = tmp_path / "out"
    with DockerEngine(os.environ).container(builder, env={}, entrypoint=command) as container:
        container.put(files, folders=["out"], scratch=tmp_path)
        assert container.run(tmp_path / "log") == 0, (tmp_path / "log").read_text()
        with container.get("/out/new/driver") as stream:
            extract_safely(stream, target, archive="out")
    found = sorted(path.relative_to(target / "driver").as_posix() for path in target.rglob("*") if path.is_file())

    assert found == sorted(name for name in FILES if not name.startswith(("lib/", "sbin/")))
