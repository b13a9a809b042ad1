"""Tests of nodes that cannot be served: another kernel's image, and a GPU that does not answer."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from tests.support.machines.cluster.cluster import container_status
from tests.support.machines.cluster.helm_release import WRONG_KERNEL, Release
from tests.support.machines.cluster.pull_secret import make_pull_secret
from tests.support.machines.cluster_node.cluster_of_guests import ClusterOfGuests
from tests.support.machines.cluster_node.gpu_node import MODULES, GpuNode
from tests.support.machines.guest.pci import DEAD_GPU, NVSWITCH

LOGIN = "registry"
NVIDIA_SMI_FAILS = 26  # docs/reference/node.md


@pytest.fixture
def secret(guests: ClusterOfGuests, release: Release) -> Iterator[str]:
    """Create the secret with the registry's password, and delete it at the end."""
    make_pull_secret(guests.cluster, release.namespace, LOGIN, guests.registry)
    yield LOGIN
    guests.cluster.kubectl("delete", "secret", f"--namespace={release.namespace}", LOGIN)


def test_another_kernels_image_is_pulled_with_the_secret_and_refused(
    nodes: Sequence[GpuNode], release: Release, secret: str
) -> None:
    if len(nodes) == 1:
        pytest.skip("needs images for two kernels")
    node, other = nodes[0], nodes[1]
    # As after an update of the node: the label is that of its release, the image is for another kernel.
    wrong = other.newest.for_release(node.newest.release)
    release.install(wrong, imagePullSecrets=[{"name": secret}])
    message = str(release.refusal(WRONG_KERNEL)["message"])
    assert f"this node runs {node.kernel}, and the image is for {other.kernel}" in message
    assert f"this node needs the image with the tag {wrong.version}-{node.kernel.replace('+', '-')}-" in message
    assert node.kernel_state().modules == set()
    release.clear()


@pytest.fixture
def node_with_a_dead_gpu(guests: ClusterOfGuests, nodes: Sequence[GpuNode]) -> Iterator[GpuNode]:
    """Start one more node, whose GPU does not answer, and stop it at the end."""
    with ExitStack() as stack:
        node = guests.start(nodes[0].combinations, functions=(NVSWITCH, DEAD_GPU), stack=stack)
        node.join()
        yield node
    guests.cluster.kubectl("delete", "node", node.name)


def test_a_gpu_that_does_not_answer_keeps_the_pod_from_being_ready(
    release: Release, node_with_a_dead_gpu: GpuNode
) -> None:
    node = node_with_a_dead_gpu
    release.install(node.newest, nodes={"selector": {"kubernetes.io/hostname": node.name}})
    assert "nvidia-smi" in release.refusal(NVIDIA_SMI_FAILS)["message"]

    def is_backing_off() -> bool:
        states = [container_status(pod, "install").get("state", {}) for pod in release.pods()]
        return any(state.get("waiting", {}).get("reason") == "CrashLoopBackOff" for state in states)

    node.cluster.wait(is_backing_off, "a pod that is started again later and later")
    assert node.kernel_state().modules >= MODULES
