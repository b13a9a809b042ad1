import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lifecycle.pipeline.image_archive import Layer, UnreadableImageError, layered_image, root_image
from lifecycle.tools.archive import tar_bytes
from tests.support.builders.saved_images import saved_image


def made(folder: Path, architecture: str = "arm64") -> tuple[str, dict[str, bytes]]:
    folder.mkdir()
    (folder / "root.tar").write_bytes(tar_bytes({"etc/os-release": b"ID=debian\n"}))
    image = root_image(folder / "root.tar", folder / "image.tar", "base:1", {"b": "2", "a": "1"}, architecture)
    with tarfile.open(folder / "image.tar") as tar:
        files = {name: file.read() for name in tar.getnames() if (file := tar.extractfile(name))}
    return image, files


def test_an_image_is_named_by_its_configuration_which_names_its_layer(tmp_path: Path) -> None:
    image, files = made(tmp_path / "one")
    manifest = json.loads(files["manifest.json"])[0]
    config = json.loads(files[manifest["Config"]])

    assert image == f"sha256:{hashlib.sha256(files[manifest['Config']]).hexdigest()}"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(files[manifest['Layers'][0]]).hexdigest()}"]
    assert (config["architecture"], config["config"]["Labels"]) == ("arm64", {"a": "1", "b": "2"})
    assert manifest["RepoTags"] == ["base:1"]


def test_the_same_root_is_the_same_image_everywhere(tmp_path: Path) -> None:
    assert made(tmp_path / "one") == made(tmp_path / "two")
    assert made(tmp_path / "three")[0] != made(tmp_path / "four", "amd64")[0]


def layered(folder: Path, *layers: bytes, base: bytes = b"") -> tuple[dict[str, Any], list[bytes]]:
    """Return the configuration of an image with layers above a base, and all of its layers."""
    folder.mkdir(exist_ok=True)
    (folder / "base.tar").write_bytes(base or saved_image("base:1"))
    above = []
    for number, content in enumerate(layers):
        (folder / str(number)).write_bytes(tar_bytes({"file": content}))
        above.append(Layer(tar=folder / str(number), created_by=f"layer {number}"))
    settings = {"Env": ["PATH=/our/bin", "B=2"], "Cmd": ["install"]}
    image = layered_image(folder / "base.tar", folder / "image.tar", "image:1", settings, {"own": "label"}, above)
    with tarfile.open(folder / "image.tar") as tar:
        files = {name: file.read() for name in tar.getnames() if (file := tar.extractfile(name))}
    (manifest,) = json.loads(files["manifest.json"])
    assert (manifest["RepoTags"], manifest["Config"]) == (["image:1"], f"{image.removeprefix('sha256:')}.json")
    return json.loads(files[manifest["Config"]]), [files[layer] for layer in manifest["Layers"]]


def test_layers_are_added_to_those_of_the_base(tmp_path: Path) -> None:
    config, layers = layered(tmp_path, b"one", b"two")

    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    assert layers[1:] == [tar_bytes({"file": b"one"}), tar_bytes({"file": b"two"})]
    assert [entry["created_by"] for entry in config["history"]] == ["it", "layer 0", "layer 1"]


def test_settings_replace_those_of_the_base_and_variables_one_by_one(tmp_path: Path) -> None:
    config, _ = layered(tmp_path, b"one")

    assert config["config"] == {
        "Cmd": ["install"],
        "Env": ["PATH=/our/bin", "A=1", "B=2"],
        "Labels": {"below": "base:1", "own": "label"},
    }


def test_a_layer_that_an_image_has_twice_is_stored_once(tmp_path: Path) -> None:
    config, layers = layered(tmp_path, b"same", b"same")

    assert len(set(config["rootfs"]["diff_ids"])) == 2
    assert layers[1] == layers[2]


def test_an_image_with_layers_is_a_base_for_others(tmp_path: Path) -> None:
    layered(tmp_path / "one", b"one", b"one")

    _, layers = layered(tmp_path / "two", b"two", base=(tmp_path / "one" / "image.tar").read_bytes())

    assert [layer == tar_bytes({"file": b"one"}) for layer in layers] == [False, True, True, False]


@pytest.mark.parametrize(
    "files",
    [
        {"manifest.json": b"[]"},
        {"manifest.json": b"{"},
        {"other": b""},
        {"manifest.json": b'[{"Config": "c", "Layers": []}]', "c": b'{"rootfs": {"diff_ids": ["sha256:1"]}}'},
    ],
)
def test_an_archive_in_another_format_is_an_error(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(UnreadableImageError, match="unknown format"):
        layered(tmp_path, base=tar_bytes(files))


def test_an_archive_that_was_cut_off_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="unknown format"):
        layered(tmp_path, base=saved_image("base:1")[:700])
