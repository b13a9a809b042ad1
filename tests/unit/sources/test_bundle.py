import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.sources.bundle import (
    BundleContents,
    BundledImage,
    CorruptBundleError,
    NotABundleError,
    read_bundle,
    write_bundle,
)

CONTENTS = {"a": b"first", "b": b"second" * 1000}


def locked(name: str) -> LockedFile:
    content = CONTENTS[name]
    digest = hashlib.sha256(content).hexdigest()
    return LockedFile(name=name, version="1", origin=f"Debian/{name}", size=len(content), sha256=digest)


FILES = [locked(name) for name in CONTENTS]
KNOWN = {file.sha256 for file in FILES}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    cache = Cache(tmp_path / "source")
    for file in FILES:
        cache.part(file.sha256).write_bytes(CONTENTS[file.name])
        cache.keep_blob(cache.part(file.sha256), file.sha256)
    (tmp_path / "image.tar").write_bytes(b"image")
    path = tmp_path / "inputs.bundle"
    write_bundle(path, FILES, [BundledImage(tag="base:1", tar=tmp_path / "image.tar")], cache, advance=lambda _: None)
    return path


def read(bundle: Path, tmp_path: Path, known: set[str] = KNOWN) -> tuple[BundleContents, Cache]:
    cache, folder = Cache(tmp_path / "target"), tmp_path / "images"
    folder.mkdir(exist_ok=True)
    return read_bundle(bundle, known, cache, folder, advance=lambda _: None), cache


def cached(tmp_path: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (tmp_path / "target/blobs").glob("*"))


def test_files_and_images_are_imported(bundle: Path, tmp_path: Path) -> None:
    contents, cache = read(bundle, tmp_path)

    assert [cache.blob(file.sha256).read_bytes() for file in FILES] == list(CONTENTS.values())
    assert contents.images["base:1"].read_bytes() == b"image"
    assert (sorted(contents.files), contents.skipped) == (sorted(KNOWN), 0)


def test_files_that_the_lock_does_not_name_are_skipped(bundle: Path, tmp_path: Path) -> None:
    contents, _ = read(bundle, tmp_path, {FILES[1].sha256})

    assert (contents.files, contents.skipped) == ([FILES[1].sha256], 1)
    assert cached(tmp_path) == [CONTENTS["b"]]


def test_equal_inputs_make_equal_bytes(bundle: Path, tmp_path: Path) -> None:
    contents, cache = read(bundle, tmp_path)
    images = [BundledImage(tag=tag, tar=tar) for tag, tar in contents.images.items()]
    write_bundle(tmp_path / "again", FILES, images, cache, advance=lambda _: None)

    assert (tmp_path / "again").read_bytes() == bundle.read_bytes()


def test_the_complete_files_of_a_cut_off_bundle_are_imported(bundle: Path, tmp_path: Path) -> None:
    content = bundle.read_bytes()
    bundle.write_bytes(content[: content.index(b"second") + 100])
    with pytest.raises(CorruptBundleError, match="is damaged: it ends too early"):
        read(bundle, tmp_path)
    assert cached(tmp_path) == [CONTENTS["a"]]


def test_a_changed_byte_is_an_error(bundle: Path, tmp_path: Path) -> None:
    bundle.write_bytes(bundle.read_bytes().replace(b"first", b"First"))
    with pytest.raises(CorruptBundleError, match=rf"blobs/{FILES[0].sha256} has the sha256"):
        read(bundle, tmp_path)
    assert cached(tmp_path) == []


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "blobs/short", "images/7.tar", "blobs/" + "a" * 64 + "/x"])
def test_an_unknown_member_is_refused(bundle: Path, tmp_path: Path, name: str) -> None:
    with tarfile.open(bundle, "a") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(CorruptBundleError, match="which does not belong in a bundle"):
        read(bundle, tmp_path)
    assert list(tmp_path.rglob("evil")) == []


def test_a_link_is_refused(bundle: Path, tmp_path: Path) -> None:
    with tarfile.open(bundle, "a") as tar:
        member = tarfile.TarInfo("images/0.tar")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(CorruptBundleError, match="does not belong in a bundle"):
        read(bundle, tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a tar" * 200, b"\0" * 10240])
def test_the_error_for_another_file_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(NotABundleError, match=rf"{path} is not a bundle \("):
        read(path, tmp_path)


def test_a_failed_write_leaves_no_file(bundle: Path, tmp_path: Path) -> None:
    missing = locked("a").model_copy(update={"sha256": "0" * 64})
    with pytest.raises(FileNotFoundError):
        write_bundle(tmp_path / "new", [missing], [], Cache(tmp_path / "source"), advance=lambda _: None)
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name] == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_an_index_that_is_no_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "bundle.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("bundle.json")
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)

    with pytest.raises(NotABundleError, match=r"it does not begin with the file bundle\.json"):
        read(path, tmp_path)


@pytest.mark.parametrize(
    "index", [b"[" * 100_000, b'{"format": "1", "images": []}', b'{"format": 1, "images": {}}', b"[]"]
)
def test_an_index_of_another_form_is_refused(tmp_path: Path, index: bytes) -> None:
    path = tmp_path / "bundle.tar"
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("bundle.json")
        member.size = len(index)
        tar.addfile(member, io.BytesIO(index))

    with pytest.raises(NotABundleError, match=r"its bundle\.json cannot be read"):
        read(path, tmp_path)
