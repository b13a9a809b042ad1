"""Archives of images as `docker save` writes them."""

import hashlib
import io
import json
import tarfile

from lifecycle.tools.archive import tar_bytes


def saved_image(tag: str) -> bytes:
    """Return the archive of an image (`docker save`) with one layer, whose only file is named after the tag."""
    layer = tar_bytes({tag.replace("/", "-"): b"base"})
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Env": ["PATH=/bin", "A=1"], "Labels": {"below": tag}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created_by": "it"}],
    }
    manifest = [{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]
    documents = {"config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()}
    return tar_bytes({**documents, "layer.tar": layer})


def image_tags(archive: bytes) -> list[str]:
    """Return the tags of the image in an archive (`docker save`)."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest
        tags: list[str] = json.load(manifest)[0]["RepoTags"]
    return tags
