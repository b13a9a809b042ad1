"""An image with one layer, built from a root file system without an engine. The same root has the same id everywhere.

`docker import` is not used: it writes the time and its own machine's architecture into an image. The format of the archive is
that of `docker load` (Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format"; OCI image
specification, "config").
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lifecycle.cache.results import sha256_of
from lifecycle.errors import writing
from lifecycle.tools.archive import tar_header
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH


def root_image(root: Path, out: Path, tag: str, labels: Mapping[str, str], architecture: str) -> str:
    """Write the archive of an image from the tar of a root file system (`root`). Return the image's id (`sha256:…`)."""
    layer = sha256_of(root)
    created = datetime.fromtimestamp(SOURCE_DATE_EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": created,
            "config": {"Labels": dict(sorted(labels.items()))},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
            "history": [{"created": created, "created_by": "scripts/base/bootstrap"}],
        }
    )
    digest = hashlib.sha256(config).hexdigest()
    manifest = _json([{"Config": f"{digest}.json", "RepoTags": [tag], "Layers": [f"{layer}/layer.tar"]}])
    with writing(out), tarfile.open(out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {"manifest.json": manifest, f"{digest}.json": config}.items():
            tar.addfile(tar_header(name, size=len(content)), io.BytesIO(content))
        with root.open("rb") as file:
            tar.addfile(tar_header(f"{layer}/layer.tar", size=root.stat().st_size), file)
    return f"sha256:{digest}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
