from pathlib import Path

import pytest

from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.sources.deb_folder import DebFile, DebFolderIndex, MisnamedPackageError, parse_debs
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.tools.deb import UnreadablePackageError
from tests.support.builders.apt_archive import make_deb

ORIGINS = [
    "swift:c/1/linux-headers-6.6.71-cloud-amd64_6.6.71-1_amd64.deb",
    "swift:c/1/linux-headers-6.6.71-common_6.6.71-1_all.deb",
    "swift:c/1/linux-headers-6.6.71-cloud-arm64_6.6.71-1_arm64.deb",
    "swift:c/1/libc6_1%3a2.36-9_amd64.deb",
    "swift:c/1/README",
    "swift:c/1/UPPER_1_amd64.deb",
]


def test_file_names_select_packages_of_one_architecture_or_all() -> None:
    found = parse_debs(ORIGINS, Architecture.AMD64)

    assert [(deb.package, deb.version) for deb in found] == [
        ("linux-headers-6.6.71-cloud-amd64", "6.6.71-1"),
        ("linux-headers-6.6.71-common", "6.6.71-1"),
        ("libc6", "1:2.36-9"),
    ]


def index(folder: Path, *debs: DebFile) -> tuple[DebFolderIndex, list[str]]:
    downloaded: list[str] = []

    def download(deb: DebFile) -> LockedFile:
        downloaded.append(deb.package)
        return LockedFile(name=deb.package, version=deb.version, origin=deb.origin, size=1, sha256="0" * 64)

    return DebFolderIndex(
        "test", debs, download=download, path=lambda file: folder / "pool" / file.file_name
    ), downloaded


def deb(name: str, version: str) -> DebFile:
    return DebFile(package=name, version=version, architecture="amd64", origin=f"file:in/{name}_{version}_amd64.deb")


def test_versions_are_newest_first_in_debians_order(tmp_path: Path) -> None:
    found, downloaded = index(tmp_path, deb("a", "1.9"), deb("a", "1.10"), deb("a", "1.10~rc1"), deb("b", "1"))

    assert found.versions("a") == ["1.10", "1.10~rc1", "1.9"]
    assert (found.versions("c"), found.names("a"), found.names("")) == ([], ["a"], ["a", "b"])
    assert downloaded == []


def test_a_package_is_downloaded_once_to_read_its_dependencies(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    make_deb(tmp_path, "linux-a", "1-1", "linux-kbuild-1 (>= 1), gcc-12 | gcc")
    make_deb(tmp_path, "linux-b", "1-1", "")
    found, downloaded = index(tmp_path, deb("linux-a", "1-1"), deb("linux-b", "1-1"))

    assert found.depends("linux-a", "1-1") == ["linux-kbuild-1", "gcc-12"]
    assert found.depends("linux-b", "1-1") == []
    assert [file.name for file in found.locate([("linux-b", "1-1"), ("linux-a", "1-1")])] == ["linux-b", "linux-a"]
    assert downloaded == ["linux-a", "linux-b"]


def test_a_misnamed_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    make_deb(tmp_path, "linux-a", "1-1", "")
    (tmp_path / "pool/linux-a_1-1_amd64.deb").rename(tmp_path / "pool/linux-b_1-1_amd64.deb")
    found, _ = index(tmp_path, deb("linux-b", "1-1"))
    with pytest.raises(MisnamedPackageError, match="is not the package in its name: it is linux-a 1-1 for amd64"):
        found.locate([("linux-b", "1-1")])


def test_the_error_for_an_unreadable_package_names_it(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool/linux-a_1-1_amd64.deb").write_text("not a package")
    found, _ = index(tmp_path, deb("linux-a", "1-1"))
    with pytest.raises(
        UnreadablePackageError, match=r"file:in/linux-a_1-1_amd64\.deb is not a readable Debian package"
    ):
        found.locate([("linux-a", "1-1")])


def test_the_error_for_a_missing_version_lists_the_available_ones(tmp_path: Path) -> None:
    found, _ = index(tmp_path, deb("a", "1"))
    with pytest.raises(PackageNotFoundError, match="does not carry a 2: it has 1"):
        found.locate([("a", "2")])
