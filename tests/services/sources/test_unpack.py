"""Installers and archives of NVIDIA's kind, unpacked; damaged and hostile ones are refused."""

import tarfile
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.pipeline.unpack import NotUnpackedError, Unpacker
from lifecycle.tools.archive import UnsafeArchiveError
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.file_format import FileFormat
from tests.support.builders.runfiles import SMALL_DRIVER, redistributable
from tests.support.servers.web_server import Web


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

    assert found == sorted(name for name in SMALL_DRIVER if not name.startswith("32/"))
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


def test_a_file_of_an_unknown_format_is_named(unpacker: Unpacker, tmp_path: Path) -> None:
    (tmp_path / "driver.zip").write_bytes(b"PK")
    with pytest.raises(NotUnpackedError, match=r"driver\.zip has none of the known endings: \.deb, \.run, \.tar\.xz"):
        unpacked(unpacker, tmp_path / "driver.zip", tmp_path / "out")


def test_unpacking_returns_the_format_of_the_file(unpacker: Unpacker, runfiles: Path, tmp_path: Path) -> None:
    path = runfiles / "NVIDIA-Linux-x86_64-550.90.07.run"
    file = kept(unpacker.cache, path, "driver")

    assert unpacker.unpack(file, tmp_path / "out", wanted=lambda _: True) is FileFormat.RUNFILE
