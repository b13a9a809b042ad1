import hashlib
import json
import tarfile
from pathlib import Path

from lifecycle.pipeline.root_image import root_image
from lifecycle.tools.archive import tar_bytes


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
