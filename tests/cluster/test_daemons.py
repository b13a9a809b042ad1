"""Tests of NVIDIA's daemons in a real cluster: jobs go on when the pod that has started their daemons is replaced."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machines.cluster.cluster import Cluster
from tests.support.machines.cluster.engine_images import Installer
from tests.support.machines.cluster.helm_release import Release, labels_for
from tests.support.machines.cluster.pod_host import env_of, installer_image
from tests.support.machines.cluster.published_images import Published, publish
from tests.support.machines.node_host import DRIVER, H100_SWITCH, Node
from tests.support.machines.node_image import make_node
from tests.support.machines.node_processes import daemon_program, end_daemons, is_alive
from tests.support.servers.registry_server import RegistryServer

FABRIC_MANAGER = "nv-fabricmanager"


@pytest.fixture(scope="module")
def image(cluster: Cluster, registry: RegistryServer, real: Installer, folder: Path, modules: Path) -> Published:
    """Publish an image whose driver has a fabric manager."""
    host = make_node(folder / "making" / "daemons", modules)
    programs = {FABRIC_MANAGER: daemon_program()}
    installer_image(cluster.engine, "installer:daemons", real.reference, host, DRIVER, programs)
    return publish(cluster.engine, registry, "installer:daemons", DRIVER)


@pytest.fixture
def running_on(cluster: Cluster, host: Node, release: Release) -> Iterator[Release]:
    """Yield a release for a host with an NVSwitch, whose processes and control groups are those of this machine."""
    host.add_to_bus("0000:05:00.0", H100_SWITCH, "068000")
    (host.sysfs / "fs").mkdir()
    (host.sysfs / "fs/cgroup").symlink_to("/host/sys/fs/cgroup")
    env = {**env_of(host), "PROC_ROOT": "/proc", "LOG": f"/host{host.folder}"}
    yield Release(cluster, env)
    end_daemons(host)


def fabric_manager_of(host: Node) -> int:
    """Return the process id that a host's fabric manager has on this machine; 0 if it does not run."""
    program = next((host.drivers / "current/bin").glob(FABRIC_MANAGER))
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "exe").samefile(program):
                return int(process.name)
        except OSError:
            continue
    return 0


def test_the_fabric_manager_outlives_the_pod_that_started_it(
    cluster: Cluster, running_on: Release, image: Published, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    running_on.install(image)
    first = running_on.pod_of(image)
    pid = fabric_manager_of(host)
    assert pid
    running_on.delete(first)
    second = running_on.pod_of(image, other_than=first["metadata"]["uid"])
    assert (fabric_manager_of(host), is_alive(pid)) == (pid, True)
    said = cluster.logs(running_on.namespace, second["metadata"]["name"], "install")
    assert "starting" not in said
