"""Tests of a pod with a GPU on a node whose kernel runs the driver: files by CDI, and a linker that finds the libraries.

The machine has no GPU that answers, so the node's procfs gets the entry of one. All else is as on a node with GPUs.
"""

from collections.abc import Iterator, Sequence

import pytest

from tests.support.machines.cluster.gpu_images import device_plugin
from tests.support.machines.cluster.gpu_jobs import GPU
from tests.support.machines.cluster.helm_release import Release
from tests.support.machines.cluster.pull_secret import make_pull_secret
from tests.support.machines.cluster_node.cluster_of_guests import ClusterOfGuests
from tests.support.machines.cluster_node.gpu_node import GpuNode
from tests.support.machines.node_cdi import PLUGIN, UUID, gpu_information

LOGIN = "registry"
ADDRESS = "0000:00:1f.7"
ENTRY = f"""\
mkdir -p /run/gpus/{ADDRESS}
printf '%s' '{gpu_information(0, UUID)}' >/run/gpus/{ADDRESS}/information
mount --bind /run/gpus /proc/driver/nvidia/gpus
until [ -c /dev/nvidia0 ] && [ -e /var/run/cdi/nvidia-installer.nvidia.com-gpu.json ]; do
  sleep 1
done
"""
LOOK = "nvidia-smi; ls -d /dev/nvidia0 /lib/firmware/nvidia/*"
# The driver in the kernel has no such GPU, so the program fails, but in other words than without its library or without a driver.
LOOK_ON_THE_NODE = "LD_LIBRARY_PATH=/opt/nvidia/current/lib /opt/nvidia/current/bin/nvidia-smi || true"
MISSING = ("couldn't find", "couldn't communicate", "not found")


@pytest.fixture
def node(nodes: Sequence[GpuNode]) -> GpuNode:
    """Return a node whose containerd knows CDI."""
    found = next((node for node in nodes if node.knows_cdi()), None)
    if not found:
        pytest.skip("needs a node with containerd 1.7")
    return found


@pytest.fixture
def installed(guests: ClusterOfGuests, node: GpuNode, release: Release) -> Iterator[Release]:
    """Install the chart with the device plugin on that node, give its procfs a GPU, and wait until the installer has seen it."""
    make_pull_secret(guests.cluster, release.namespace, LOGIN, guests.registry)
    plugin = device_plugin(guests.cluster, guests.registry, guests.programs, UUID)
    release.install(
        node.oldest,
        nodes={"selector": {"kubernetes.io/hostname": node.name}},
        imagePullSecrets=[{"name": LOGIN}],
        devicePlugin={"enabled": True, "image": plugin, "deviceListStrategy": "cdi-annotations"},
        verification={
            "image": node.oldest.reference,
            "command": ["sh", "-c", LOOK],
            "resources": {"limits": {GPU: "1"}},
        },
        # A container's own procfs has no mounts of the node's.
        env={"PROC_ROOT": "/host/proc"},
    )
    release.pod_of(node.oldest)
    node.run_on_host(ENTRY)
    node.cluster.wait(lambda: node.cluster.offered(node.name, GPU) == "1", "the node offers its GPU")
    yield release
    guests.cluster.kubectl("delete", "secret", f"--namespace={release.namespace}", LOGIN)


def test_a_pod_finds_the_driver_by_the_libraries_of_its_specification(node: GpuNode, installed: Release) -> None:
    said = node.run_on_host(LOOK_ON_THE_NODE)
    assert not any(words in said for words in MISSING)
    assert installed.test() == f"{said}/dev/nvidia0\n/lib/firmware/nvidia/{node.oldest.version}\n"
    files = node.run_on_host("cd /var/run/cdi; ls").split()
    assert files == [f"nvidia-installer.{kind.replace('/', '-')}.json" for kind in (PLUGIN, "nvidia.com/gpu")]
