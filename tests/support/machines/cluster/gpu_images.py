"""Images that the chart's other containers need in tests: a device plugin, and kubectl with a shell."""

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
FROM {base}
COPY kubectl /usr/bin/
RUN ["ln", "--symbolic", "--force", "bash", "/usr/bin/sh"]
"""


def device_plugin(cluster: Cluster, registry: RegistryServer, programs: Path, *gpus: str) -> dict[str, str]:
    """Publish the image of the tests' device plugin for GPUs with these UUIDs; return it as a value of the chart."""
    files = {"device-plugin": programs / "device-plugin"}
    return _published(cluster, registry, "device-plugin", _PLUGIN.format(gpus=",".join(gpus)), files)


def kubectl(cluster: Cluster, registry: RegistryServer, programs: Path, base: str) -> dict[str, str]:
    """Publish an image with kubectl, and with the programs of an image that contains bash; return it as a value of the chart."""
    files = {"kubectl": programs / "kubectl"}
    return _published(cluster, registry, "kubectl", _KUBECTL.format(base=base), files)


def _published(
    cluster: Cluster, registry: RegistryServer, name: str, dockerfile: str, files: dict[str, Path]
) -> dict[str, str]:
    build(cluster.engine, f"{IMAGE}:{name}", dockerfile, files)
    image = publish(cluster.engine, registry, f"{IMAGE}:{name}", name)
    return {"repository": image.repository, "digest": image.digest}
