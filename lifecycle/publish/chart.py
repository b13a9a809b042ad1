"""The Helm chart as an OCI artefact, so that `helm install oci://…` takes it from the registry of the images.

Sources: Helm documentation, "Use OCI-based registries"; helm/helm, pkg/registry/constants.go (media types). The archive is the same
bytes on every machine.
"""

import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.manifest import OCI_MANIFEST, Artefact, Descriptor, Manifest

CHART = Path("k8s/nvidia-installer")
_CONFIG = "application/vnd.cncf.helm.config.v1+json"
_CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_FILE = "Chart.yaml"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A packaged chart: its repository below the registry, its version, which is its tag, and the artefact."""

    repository: str
    version: str
    artefact: Artefact

    @property
    def digest(self) -> str:
        """The digest of the manifest."""
        return self.artefact.manifest.digest


def package_chart(root: Path, image_repository: str, version: str) -> Chart:
    """Return the chart of a checkout with a version.

    Its repository is `charts/<chart>` beside that of the images (`team/nvidia-installer`).
    """
    folder = root / CHART
    about = {**yaml.safe_load((folder / _FILE).read_text(encoding="utf-8")), "version": version, "appVersion": version}
    name = str(about["name"])
    files: dict[str, bytes | Path] = {
        f"{name}/{path.relative_to(folder).as_posix()}": path for path in sorted(folder.rglob("*")) if path.is_file()
    }
    files[f"{name}/{_FILE}"] = yaml.safe_dump(about, sort_keys=False).encode()
    archive = _compressed(tar_bytes(files))
    config = json.dumps(about, separators=(",", ":"), sort_keys=True).encode()
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": Descriptor.of(config, _CONFIG).to_dict(),
        "layers": [Descriptor.of(archive, _CONTENT).to_dict()],
        "annotations": {
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.description": str(about["description"]),
        },
    }
    manifest = Manifest(content=json.dumps(content, separators=(",", ":")).encode(), media_type=OCI_MANIFEST)
    parent = image_repository.rpartition("/")[0]
    return Chart(
        repository="/".join(filter(None, (parent, "charts", name))),
        version=version,
        artefact=Artefact(manifest=manifest, blobs=(config, archive)),
    )


def _compressed(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", filename="", mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


def published_digest(registry: Registry, chart: Chart) -> str | None:
    """Return the digest of the chart's version in a registry, or None. Raises RegistryRefusedError."""
    found = registry.manifest(chart.repository, chart.version)
    return found.digest if found else None
