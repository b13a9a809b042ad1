"""A cluster whose nodes are machines in QEMU that run the images' own kernels, one per kernel: `nox -s test_cluster_node`.

The nodes' consoles, with the output of containerd and kubelet, are below build/cluster_node.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix import Combination
from tests.support.checkout import ROOT
from tests.support.combinations import bootable
from tests.support.machines.cluster.cluster import Cluster
from tests.support.machines.cluster.engine_images import own_images
from tests.support.machines.cluster.helm_release import Release
from tests.support.machines.cluster.rollout import Rollouts
from tests.support.machines.cluster_node.cluster_of_guests import ClusterOfGuests, by_kernel, on_each
from tests.support.machines.cluster_node.gpu_node import GpuNode

SNAPSHOT = "started"
# The machines have an NVSwitch, and Debian has no fabric manager for it. A probe takes a second of an emulated processor.
_DEFAULTS = {
    "fabricManager": "off",
    "readinessProbe": {"periodSeconds": 3, "timeoutSeconds": 60, "failureThreshold": 2},
}
_KEPT = ROOT / "build/cluster_node"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--only", default="", help="which combinations, as in `invoke build --only`")
    parser.addoption("--newest", action="store_true", help="only a node with the newest kernel")


def chosen(config: pytest.Config) -> Sequence[tuple[Combination, ...]]:
    """Return the combinations of each kernel, the newest kernel first."""
    found = [*by_kernel(bootable(config.getoption("--only"))).values()][::-1]
    return found[:1] if config.getoption("--newest") else found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kernel" in metafunc.fixturenames:
        metafunc.parametrize("kernel", [combinations[0].kernel for combinations in chosen(metafunc.config)])


@pytest.fixture(scope="session")
def guests() -> Iterator[ClusterOfGuests]:
    """Yield a cluster without nodes. At the end, stop all that was started, and keep the consoles."""
    setup = subprocess.run([ROOT / "scripts/setup-cluster"], check=True, stdout=subprocess.PIPE, text=True)
    shutil.rmtree(_KEPT, ignore_errors=True)
    # A path that is short enough for sockets in it (unix(7): 108 bytes).
    with (
        tempfile.TemporaryDirectory(prefix="cluster-", dir="/var/tmp") as name,
        own_images() as engine,
        ExitStack() as stack,
    ):
        yield ClusterOfGuests(
            project=load_locked_project(ROOT),
            programs=Path(setup.stdout.strip()),
            folder=Path(name),
            engine=engine,
            stack=stack,
        )
        for console in Path(name).glob("*/console.log"):
            _KEPT.mkdir(parents=True, exist_ok=True)
            shutil.copy(console, _KEPT / f"{console.parent.name}.log")


@pytest.fixture(scope="session")
def cluster(guests: ClusterOfGuests) -> Cluster:
    """Return a client of the cluster."""
    return guests.cluster


@pytest.fixture(scope="session")
def nodes(guests: ClusterOfGuests, pytestconfig: pytest.Config) -> Sequence[GpuNode]:
    """Start a node for each kernel, wait until all are ready, and save the state of each."""
    nodes = [guests.start(combinations) for combinations in chosen(pytestconfig)]
    on_each(nodes, GpuNode.join)
    on_each(nodes, lambda node: node.guest.save(SNAPSHOT))
    return nodes


@pytest.fixture(scope="session")
def rollouts(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Rollouts:
    """Return the rollout tasks. Emulated processors take minutes for an installation."""
    folder = tmp_path_factory.mktemp("rollout")
    return Rollouts(cluster=cluster, folder=folder, kubeconfig=cluster.kubeconfig, seconds=1200)


@pytest.fixture(scope="module")
def release(cluster: Cluster, nodes: Sequence[GpuNode]) -> Iterator[Release]:
    """Yield the chart, not yet installed. Uninstall it after the tests of a file, and return all nodes to their start."""
    release = Release(cluster, env={}, defaults=_DEFAULTS)
    yield release
    release.clear()
    on_each(nodes, lambda node: node.guest.load(SNAPSHOT))
