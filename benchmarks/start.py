"""The start of a node: from power-on until its driver is ready, with our chart and with the predecessor's DaemonSet.

The node is a QEMU machine with the image's own kernel in a cluster on this machine (tests/cluster_node). It has both images before
it starts. The predecessor's init container installs the driver, and its pod is ready once that has ended.
"""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import references
from tests.support.machines.cluster.cluster import Object, container_status, is_ready
from tests.support.machines.cluster.engine_images import IMAGE, build
from tests.support.machines.cluster.helm_release import Release
from tests.support.machines.cluster.published_images import Published, publish
from tests.support.machines.cluster_node.cluster_of_guests import ClusterOfGuests

_DOCKERFILE = """\
FROM {base}
COPY driver.tar.gz plain-install /plain/
"""
_INSTALL = Path(__file__).parent / "guest/plain-install"
_NAMESPACE = "default"
_VALUES = {
    # The node needs no labels, so its pod comes as soon as it has joined.
    "nodes": {"osReleaseLabel": "", "driverLabel": "", "required": []},
    # The machine has an NVSwitch, and Debian has no fabric manager for it.
    "fabricManager": "off",
}
_Record = Callable[[str, str, float], None]


@dataclass(frozen=True, kw_only=True)
class StartBenchmark:
    """A cluster without nodes, a combination, the predecessor's archive of it, and a scratch folder."""

    guests: ClusterOfGuests
    combination: Combination
    archive: Path
    folder: Path

    def run(self, record: _Record) -> None:
        """Start a node twice, with our pod and with the predecessor's. `record` gets seconds."""
        plain = self._plain_image()
        self.guests.boot_files([self.combination], others=[plain])
        release = Release(self.guests.cluster, env={}, defaults=_VALUES)
        release.install(self.guests.image(self.combination))
        self._start("ours", release.namespace, record)
        release.clear()
        self.guests.cluster.apply(_daemonset(plain))
        self._start("plain", _NAMESPACE, record)

    def _plain_image(self) -> Published:
        """Publish the predecessor's image, on top of the base that ours has."""
        engine, tag = self.guests.engine, f"{IMAGE}:plain"
        base = references(self.guests.project.component.image, self.combination)[0]
        self.folder.mkdir()
        (self.folder / "driver.tar.gz").hardlink_to(self.archive)
        shutil.copy(_INSTALL, self.folder)
        files = {name: self.folder / name for name in ("driver.tar.gz", "plain-install")}
        build(engine, tag, _DOCKERFILE.format(base=base), files)
        return publish(engine, self.guests.registry, tag, "plain")

    def _start(self, side: str, namespace: str, record: _Record) -> None:
        """Power a node on, wait until its pod is ready, and record the seconds by the clocks of the API's objects.

        Processor seconds are those of QEMU, in which other programs on this machine have no part.
        """
        cluster = self.guests.cluster
        with ExitStack() as stack:
            begin = datetime.now(UTC)
            node = self.guests.start([self.combination], stack=stack)
            cluster.wait(lambda: any(is_ready(found) for found in cluster.nodes()), "a ready node")
            record("start: node ready, processor", side, node.guest.processor_seconds())
            cluster.wait(lambda: any(is_ready(pod) for pod in cluster.pods(namespace)), f"a ready pod in {namespace}")
            record("start: driver ready, processor", side, node.guest.processor_seconds())
            (joined,), (pod,) = cluster.nodes(), cluster.pods(namespace)
        cluster.kubectl("delete", "node", node.name)
        install = container_status(pod, "install")["state"]["terminated"]
        record("start: node ready", side, (_since(joined) - begin).total_seconds())
        record("start: driver ready", side, (_since(pod) - begin).total_seconds())
        seconds = (_time(install["finishedAt"]) - _time(install["startedAt"])).total_seconds()
        record("start: installation", side, seconds)


def _since(thing: Object) -> datetime:
    """Return the time since when a node or pod is ready."""
    (condition,) = (found for found in thing["status"]["conditions"] if found["type"] == "Ready")
    return _time(condition["lastTransitionTime"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _daemonset(image: Published) -> Object:
    """Return the predecessor's DaemonSet, without what only its own clusters have."""
    mounts = [{"name": "host", "mountPath": "/host"}, {"name": "dev", "mountPath": "/dev"}]
    shared: dict[str, Any] = {
        "image": image.reference,
        "securityContext": {"privileged": True},
        "volumeMounts": mounts,
    }
    labels = {"app": "plain"}
    spec = {
        "hostPID": True,
        "tolerations": [{"operator": "Exists"}],
        "initContainers": [{**shared, "name": "install", "command": ["/plain/plain-install"]}],
        "containers": [{**shared, "name": "driver", "command": ["sleep", "infinity"]}],
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}, {"name": "dev", "hostPath": {"path": "/dev"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "plain", "namespace": _NAMESPACE},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }
