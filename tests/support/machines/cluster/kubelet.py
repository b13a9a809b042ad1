"""The kubelet of the one node, with a container engine of its own."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from tests.support.machines.cluster.control_plane import KUBELET, ControlPlane
from tests.support.machines.cluster.kernel_settings import CGROUP
from tests.support.machines.cluster.namespace import Namespace
from tests.support.servers.container_engine import engine_in
from tests.support.servers.processes import free_port, started, wait_for
from tests.support.servers.registry_server import LOOPBACK

PAUSE = "pause:test"
# A node that is named by its address has that address; a kubelet refuses loopback in every other way.
NODE = LOOPBACK


@contextmanager
def node_engine(folder: Path, namespace: Namespace) -> Iterator[docker.DockerClient]:
    """Start the node's engine; it ends with the namespace, and so do its containers."""
    folder.mkdir()
    # By the interpreter that runs the tests: the engine has a PATH of its own.
    runtime = folder / "runtime"
    runtime.write_text(f'#!/bin/sh\nexec {sys.executable} -I {Path(__file__).with_name("oci_runtime.py")} "$@"\n')
    runtime.chmod(0o755)
    config = {
        "runtimes": {"test": {"path": str(runtime)}},
        "default-runtime": "test",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
    }
    with engine_in(folder, config=config, prefix=namespace.command()) as client:
        yield client


@contextmanager
def kubelet(programs: Path, folder: Path, plane: ControlPlane, namespace: Namespace, engine: Path) -> Iterator[None]:
    """Start the kubelet over the engine in a folder; it ends with the namespace."""
    folder.mkdir()
    (folder / "resolv.conf").touch()
    health = free_port()
    (folder / "config.json").write_text(json.dumps(_config(folder, plane, health)))
    socket = f"unix://{engine / 'socket'}"
    command = namespace.command(
        programs / "kubelet",
        f"--config={folder / 'config.json'}",
        f"--kubeconfig={plane.kubeconfig(KUBELET)}",
        f"--hostname-override={NODE}",
        f"--root-dir={folder / 'root'}",
        f"--cert-dir={folder}",
        f"--volume-plugin-dir={folder / 'plugins'}",
        f"--docker-endpoint={socket}",
        f"--experimental-dockershim-root-directory={folder / 'dockershim'}",
        f"--pod-infra-container-image={PAUSE}",
        # Its own statistics of containers (cAdvisor) take the engine's address once more.
        f"--docker={socket}",
    )
    with started(command, folder / "log") as process:
        wait_for(f"http://{LOOPBACK}:{health}/healthz", process)
        yield


def _config(folder: Path, plane: ControlPlane, health: int) -> dict[str, object]:
    """KubeletConfiguration, v1beta1."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": LOOPBACK,
        "port": free_port(),
        "healthzBindAddress": LOOPBACK,
        "healthzPort": health,
        "tlsCertFile": str(plane.certificate),
        "tlsPrivateKeyFile": str(plane.key),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(plane.certificate)},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "resolvConf": str(folder / "resolv.conf"),
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
