"""The kubelet of the one node."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.machines.cluster.control_plane import ControlPlane, node_user
from tests.support.machines.cluster.kernel_settings import CGROUP
from tests.support.machines.cluster.namespace import Namespace
from tests.support.servers.processes import free_port, started, wait_for
from tests.support.servers.registry_server import LOOPBACK

# A node that is named by its address has that address; a kubelet refuses loopback in every other way.
NODE = LOOPBACK


@contextmanager
def kubelet(programs: Path, folder: Path, plane: ControlPlane, namespace: Namespace, runtime: Path) -> Iterator[None]:
    """Start the kubelet over the container runtime with a socket; it ends with the namespace."""
    folder.mkdir()
    (folder / "resolv.conf").touch()
    health = free_port()
    config = {
        **kubelet_config(plane.certificate),
        "address": LOOPBACK,
        "port": free_port(),
        "healthzBindAddress": LOOPBACK,
        "healthzPort": health,
        "tlsCertFile": str(plane.certificate),
        "tlsPrivateKeyFile": str(plane.key),
        "cgroupRoot": f"/{CGROUP}",
        "resolvConf": str(folder / "resolv.conf"),
    }
    (folder / "config.json").write_text(json.dumps(config))
    command = namespace.command(
        programs / "kubelet",
        f"--config={folder / 'config.json'}",
        f"--kubeconfig={plane.kubeconfig(node_user(NODE))}",
        f"--hostname-override={NODE}",
        f"--root-dir={folder / 'root'}",
        f"--cert-dir={folder}",
        f"--volume-plugin-dir={folder / 'plugins'}",
        "--container-runtime=remote",
        f"--container-runtime-endpoint=unix://{runtime}",
        # Its own statistics of containers (cAdvisor) take the runtime's address once more.
        f"--containerd={runtime}",
    )
    with started(command, folder / "log") as process:
        wait_for(f"http://{LOOPBACK}:{health}/healthz", process)
        yield


def kubelet_config(authority: Path) -> dict[str, object]:
    """Return the part of a KubeletConfiguration (v1beta1) that all nodes share; clients have certificates of the authority."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        # Without a network of pods there is no name server.
        "clusterDNS": ["10.96.0.10"],
        # What depends on how full and how busy this machine is.
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "evictionHard": {"memory.available": "10Mi"},
        "imageGCHighThresholdPercent": 100,
        "syncFrequency": "2s",
        "oomScoreAdj": 0,
        # Without a network of pods there is nothing to be set up for it.
        "makeIPTablesUtilChains": False,
    }
