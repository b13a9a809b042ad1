import hashlib
import io
import tarfile
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lifecycle.advisories.csaf import BadBulletinError
from lifecycle.advisories.documents import (
    BadArchiveError,
    DownloadFailedError,
    NoBulletinsError,
    WrongDigestError,
    read_bulletins,
)
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.paths import BadPathError
from tests.support.builders.bulletins import bulletin
from tests.support.serving import serving

FILES = {
    "2026/5821/5821.json": bulletin("5821", "2026-05-21", ("CVE-1", 8.8, {"535": "535.309.01"})),
    "2026/5821/CVE-2026-1.json": b"a record in another format",
    "2026/README.md": b"text",
}


def folder(path: Path) -> Path:
    for name, content in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def tar(path: Path) -> Path:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member in tarfile.open(fileobj=io.BytesIO(tar_bytes(FILES))):  # noqa: SIM115
            archive.addfile(member, io.BytesIO(FILES.get(member.name, b"")))
    (path / "bulletins.tar.gz").write_bytes(buffer.getvalue())
    return path / "bulletins.tar.gz"


def zipped(path: Path) -> Path:
    with zipfile.ZipFile(path / "bulletins.zip", "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return path / "bulletins.zip"


def single(path: Path) -> Path:
    (path / "5821.json").write_bytes(FILES["2026/5821/5821.json"])
    return path / "5821.json"


def read(place: Path | str, sha256: str = "") -> list[str]:
    root = Path("/nowhere")
    scratch = Path(place).parent if isinstance(place, Path) else Path("/tmp")  # noqa: S108 - never written to
    return [one.id for one in read_bulletins(str(place), sha256, root, scratch)]


@pytest.mark.parametrize("make", [folder, tar, zipped, single])
def test_bulletins_are_found_in_folders_archives_and_files(make: object, tmp_path: Path) -> None:
    assert callable(make)
    assert read(make(tmp_path)) == ["5821"]


def test_bulletins_are_downloaded_from_a_url(tmp_path: Path) -> None:
    tar(tmp_path)
    (tmp_path / "scratch").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path))
    address = f"http://127.0.0.1:{server.server_port}"
    with serving(server):
        found = read_bulletins(f"{address}/bulletins.tar.gz", "", tmp_path, tmp_path / "scratch")
        with pytest.raises(DownloadFailedError, match="it does not exist"):
            read_bulletins(f"{address}/other.zip", "", tmp_path, tmp_path / "scratch")

    assert [one.id for one in found] == ["5821"]


def test_a_relative_place_is_below_the_checkout(tmp_path: Path) -> None:
    folder(tmp_path / "bulletins")

    assert [one.id for one in read_bulletins("bulletins", "", tmp_path, tmp_path)] == ["5821"]


def test_a_pinned_archive_has_to_be_the_same_bytes(tmp_path: Path) -> None:
    archive = tar(tmp_path)

    assert read(archive, sha256_of(archive)) == ["5821"]
    with pytest.raises(WrongDigestError, match=f"not {'0' * 64}"):
        read(archive, "0" * 64)


def test_a_folder_cannot_be_pinned(tmp_path: Path) -> None:
    with pytest.raises(NoBulletinsError, match=r"is a folder, which advisories\.sha256 cannot pin"):
        read(folder(tmp_path / "bulletins"), "0" * 64)


def test_a_checksum_beside_a_bulletin_has_to_match(tmp_path: Path) -> None:
    beside = folder(tmp_path) / "2026/5821/5821.json.sha256"
    beside.write_text(f"{hashlib.sha256(FILES['2026/5821/5821.json']).hexdigest()}  5821.json\n")
    good = read(tmp_path)
    beside.write_text("0  5821.json\n")

    with pytest.raises(WrongDigestError):
        read(tmp_path)
    assert good == ["5821"]


def test_a_place_without_bulletins_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoBulletinsError, match="has no CSAF documents: name a folder, an archive or a URL"):
        read(tmp_path)
    with pytest.raises(NoBulletinsError, match="does not exist"):
        read(tmp_path / "missing")


def test_a_file_that_is_no_bulletin_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text("{}")

    with pytest.raises(BadBulletinError, match=r"1\.json is not a CSAF document"):
        read(tmp_path)


@pytest.mark.parametrize("make", [tar, zipped])
@pytest.mark.parametrize("half", [True, False])
def test_a_damaged_archive_is_one_clear_sentence(make: object, half: bool, tmp_path: Path) -> None:
    assert callable(make)
    archive = make(tmp_path)
    content = bytearray(archive.read_bytes())
    middle = len(content) // 4
    content[middle : middle + 40] = b"x" * 40
    archive.write_bytes(content[: len(content) // 2] if half and archive.suffix == ".gz" else content)

    with pytest.raises((BadArchiveError, BadBulletinError), match="is not a"):
        read(archive)


def test_a_home_folder_of_nobody_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadPathError, match="that user has no home folder here"):
        read_bulletins("~nobody-of-that-name/x", "", tmp_path, tmp_path)


def test_a_bulletin_that_is_too_large_is_not_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifecycle.advisories.documents._LARGEST", 10)

    with pytest.raises(BadBulletinError, match=r"5821\.json is not a CSAF document: it has more than 10 bytes"):
        read(folder(tmp_path))
