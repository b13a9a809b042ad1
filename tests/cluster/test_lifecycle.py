"""A node from its first driver to its last."""

import shutil

from tests.support.machines.cluster.cluster import Cluster, container_status
from tests.support.machines.cluster.helm_release import GONE, Release, labels_for
from tests.support.machines.cluster.pod_host import installed
from tests.support.machines.cluster.published_images import Images
from tests.support.machines.node_host import LOADED, NAME, Node
from tests.support.machines.node_report import without_failure


def test_a_labelled_node_gets_its_driver_and_the_pod_is_ready(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    pod = release.pod_of(images.new)
    assert installed(host) == NAME
    assert host.loaded() == LOADED
    assert container_status(pod, "install")["state"]["terminated"]["exitCode"] == 0
    assert f"driver {NAME} is ready" in cluster.logs(release.namespace, pod["metadata"]["name"], "driver")


def test_a_new_pod_does_nothing_while_its_driver_is_loaded(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    first = release.pod_of(images.new)
    before = host.stat()
    release.delete(first)
    second = release.pod_of(images.new, other_than=first["metadata"]["uid"])
    assert host.stat() == before
    said = cluster.logs(release.namespace, second["metadata"]["name"], "install")
    assert said.splitlines() == [f"nvidia-installer: driver {NAME} (proprietary) is installed in /opt/nvidia"]


def test_an_unloaded_driver_is_loaded_again_by_the_same_pod(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    pod = release.pod_of(images.new)
    for module in host.loaded():
        shutil.rmtree(host.sysfs / "module" / module)
    cluster.wait(lambda: host.loaded() == LOADED, "the driver is loaded again")
    assert release.pod_of(images.new)["metadata"]["uid"] == pod["metadata"]["uid"]


def test_an_uninstalled_driver_ends_its_container_and_a_new_pod_loads_it(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    pod = release.pod_of(images.new)
    (host.host / "run/nvidia/nvidia-installer.wanted").unlink()
    for module in host.loaded():
        shutil.rmtree(host.sysfs / "module" / module)
    assert "is no longer loaded" in release.end("driver", GONE)["message"]
    release.delete(pod)
    release.pod_of(images.new, other_than=pod["metadata"]["uid"])
    assert host.loaded() == LOADED


def test_uninstalling_the_release_keeps_the_driver_for_running_jobs(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    release.pod_of(images.new)
    before = host.tree()
    release.uninstall()
    assert host.tree() == before


def test_an_uninstalled_release_can_leave_the_host_as_it_was(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    before = host.tree()
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new, onTermination="uninstall")
    release.pod_of(images.new)
    assert host.tree() != before
    release.uninstall()
    assert host.tree() == before


def test_a_driver_in_use_stays_when_its_pod_goes_and_an_event_names_its_user(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new, onTermination="uninstall")
    pod = release.pod_of(images.new)
    host.add_process(4711, "python3", "/dev/nvidia0")
    before = host.tree()
    release.uninstall()
    assert without_failure(host.tree()) == without_failure(before)
    message = release.event(pod, "FailedPreStopHook")["message"]
    assert "python3" in message
    assert "4711" in message


def test_a_release_that_is_uninstalled_leaves_nothing_in_the_cluster(
    cluster: Cluster, release: Release, images: Images
) -> None:
    before = release.objects()
    release.install(images.new, moduleParameters={"nvidia": ["NVreg_Test=1"]})
    assert release.objects() != before
    release.uninstall()
    cluster.wait(lambda: release.objects() == before, "nothing is left of the release")


def test_module_parameters_of_the_values_reach_modprobe(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new, moduleParameters={"nvidia": ["NVreg_Test=1"]})
    pod = release.pod_of(images.new)
    said = cluster.logs(release.namespace, pod["metadata"]["name"], "install")
    assert "loaded nvidia with NVreg_Test=1" in said
