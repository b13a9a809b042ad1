import io
import tarfile
from pathlib import Path

from lifecycle.attest.contents import ImageContents, read_contents
from lifecycle.pipeline.image_archive import Layer, layered_image, root_image
from lifecycle.tools.archive import tar_bytes, tar_header


def contents(folder: Path, *layers: bytes) -> ImageContents:
    """Return the contents of an image with layers above a base, which has the file `base/file` and a link to it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tar_header("./base/file", size=4), io.BytesIO(b"base"))
        tar.addfile(tar_header("./link", kind=tarfile.SYMTYPE, target="base/file"))
        tar.addfile(tar_header("./hard", kind=tarfile.LNKTYPE, target="./base/file"))
    (folder / "root.tar").write_bytes(buffer.getvalue())
    root_image(folder / "root.tar", folder / "base.tar", "base:1", {}, "amd64")
    for number, layer in enumerate(layers):
        (folder / str(number)).write_bytes(layer)
    above = [Layer(tar=folder / str(number), created_by="test") for number in range(len(layers))]
    layered_image(folder / "base.tar", folder / "image.tar", "image:1", {}, {}, above)
    return read_contents(folder / "image.tar", lambda path: path.endswith("file"))


def test_files_and_links_of_all_layers_are_found(tmp_path: Path) -> None:
    found = contents(tmp_path, tar_bytes({"opt/file": b"above"}))

    assert sorted(found.files) == ["base/file", "hard", "opt/file"]
    assert found.files["hard"] == found.files["base/file"]
    assert found.links == {"link": "base/file"}
    assert found.texts == {"base/file": "base", "opt/file": "above"}


def test_a_file_of_a_later_layer_replaces_an_earlier_one(tmp_path: Path) -> None:
    found = contents(tmp_path, tar_bytes({"base/file": b"newer"}), tar_bytes({"link": b"now a file"}))

    assert (found.texts["base/file"], found.files["base/file"].size) == ("newer", 5)
    assert (found.links, "link" in found.files) == ({}, True)


def test_whiteouts_hide_files_of_earlier_layers(tmp_path: Path) -> None:
    found = contents(tmp_path, tar_bytes({"a/b/file": b"1", "a/c": b"2"}), tar_bytes({".wh.link": b"", "a/.wh.b": b""}))

    assert sorted(found.files) == ["a/c", "base/file", "hard"]
    assert (found.links, sorted(found.texts)) == ({}, ["base/file"])


def test_an_opaque_folder_hides_all_of_its_earlier_files(tmp_path: Path) -> None:
    found = contents(tmp_path, tar_bytes({"base/.wh..wh..opq": b"", "other": b""}))

    assert sorted(found.files) == ["hard", "other"]
