"""Images that the chart's other containers need in tests: a device plugin, and kubectl with a shell."""

import shutil
from pathlib import Path

from tests.support.machines.cluster.cluster import Cluster
from tests.support.machines.cluster.engine_images import IMAGE, build
from tests.support.machines.cluster.published_images import publish
from tests.support.servers.registry_server import RegistryServer

_PLUGIN = """\
FROM scratch
COPY device-plugin /
ENV GPUS={gpus}
ENTRYPOINT ["/device-plugin"]
"""
_KUBECTL = """\
FROM scratch
COPY busybox kubectl /bin/
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox mkdir -p /usr/bin && /bin/busybox --install -s /usr/bin"]
"""


def device_plugin(cluster: Cluster, registry: RegistryServer, programs: Path, *gpus: str) -> dict[str, str]:
    """Publish the image of the tests' device plugin for GPUs with these UUIDs; return it as a value of the chart."""
    files = {"device-plugin": programs / "device-plugin"}
    return _published(cluster, registry, "device-plugin", _PLUGIN.format(gpus=",".join(gpus)), files)


def kubectl(cluster: Cluster, registry: RegistryServer, programs: Path) -> dict[str, str]:
    """Publish an image with kubectl and BusyBox; return it as a value of the chart."""
    busybox = shutil.which("busybox")
    assert busybox
    files = {"kubectl": programs / "kubectl", "busybox": Path(busybox)}
    return _published(cluster, registry, "kubectl", _KUBECTL, files)


def _published(
    cluster: Cluster, registry: RegistryServer, name: str, dockerfile: str, files: dict[str, Path]
) -> dict[str, str]:
    build(cluster.engine, f"{IMAGE}:{name}", dockerfile, files)
    image = publish(cluster.engine, registry, f"{IMAGE}:{name}", name)
    return {"repository": image.repository, "digest": image.digest}
