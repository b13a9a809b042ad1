"""A newer driver for nodes that have one."""

import shutil

import pytest

from tests.support.machines.cluster.cluster import Cluster, Object
from tests.support.machines.cluster.helm_release import IN_USE, Release, labels_for
from tests.support.machines.cluster.pod_host import drivers, installed
from tests.support.machines.cluster.published_images import Images, Published
from tests.support.machines.node_host import NAME, OLD_NAME, Node


@pytest.fixture
def images(images: Images) -> Images:
    """Return the drivers as two versions of one installer, whose node label contains no version."""
    return images.of_one_installer("lts")


@pytest.fixture(autouse=True)
def _labelled(cluster: Cluster, release: Release) -> None:
    cluster.label(cluster.node, labels_for("lts"))


def image_of(pod: Object) -> str:  # a pod, or the template of some
    return str(pod["spec"]["containers"][0]["image"])


def wait_for_revision(release: Release, image: Published) -> None:
    """Wait until the controller knows that new pods are to have an image."""
    release.cluster.wait(lambda: release.is_observed("lts"), "the DaemonSet is seen to")
    assert image_of(release.daemonset("lts")["spec"]["template"]) == image.reference


def test_on_delete_a_node_gets_the_new_driver_with_its_next_pod(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    release.install(images.old)
    first = release.pod_of(images.old)
    release.upgrade(images.new)
    wait_for_revision(release, images.new)
    assert [pod["metadata"]["uid"] for pod in release.pods()] == [first["metadata"]["uid"]]
    assert installed(host) == OLD_NAME
    release.delete(first)
    release.pod_of(images.new)
    assert installed(host) == NAME
    # What a rollback needs is still there.
    assert drivers(host) == {NAME, OLD_NAME}


def test_a_rollback_needs_no_unpacking(cluster: Cluster, release: Release, images: Images, host: Node) -> None:
    release.install(images.old, updateStrategy={"type": "RollingUpdate"})
    release.pod_of(images.old)
    release.upgrade(images.new, updateStrategy={"type": "RollingUpdate"})
    release.pod_of(images.new)
    assert installed(host) == NAME
    release.rollback()
    pod = release.pod_of(images.old)
    assert installed(host) == OLD_NAME
    said = cluster.logs(release.namespace, pod["metadata"]["name"], "install")
    assert "unpacking" not in said
    assert "loaded nvidia" in said


def test_a_rolling_update_replaces_pods_by_itself(release: Release, images: Images, host: Node) -> None:
    release.install(images.old, updateStrategy={"type": "RollingUpdate"})
    release.pod_of(images.old)
    release.upgrade(images.new, updateStrategy={"type": "RollingUpdate"})
    release.pod_of(images.new)
    assert installed(host) == NAME


def test_a_rolling_update_goes_no_further_than_max_unavailable(
    cluster: Cluster, release: Release, images: Images, host: Node, other_node: str
) -> None:
    cluster.label(other_node, labels_for("lts"))
    rolling = {"type": "RollingUpdate", "maxUnavailable": 1}
    release.install(images.old, updateStrategy=rolling)
    first = release.pod_of(images.old)
    release.upgrade(images.new, updateStrategy=rolling)
    # The other node's pod, which is not available, is the one that may be.
    cluster.wait(
        lambda: (
            [image_of(pod) for pod in release.pods() if pod["metadata"]["uid"] != first["metadata"]["uid"]]
            == [images.new.reference]
        ),
        "the other node's pod is a new one",
    )
    assert installed(host) == OLD_NAME
    assert first["metadata"]["uid"] in {pod["metadata"]["uid"] for pod in release.pods()}
    release.upgrade(images.new, updateStrategy={**rolling, "maxUnavailable": 2})
    release.pod_of(images.new)
    assert installed(host) == NAME


def test_a_node_whose_driver_is_in_use_keeps_it_until_its_user_ends(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    rolling = {"type": "RollingUpdate", "maxUnavailable": 1}
    release.install(images.old, updateStrategy=rolling)
    release.pod_of(images.old)
    host.add_process(4711, "python3", "/dev/nvidia0")
    release.upgrade(images.new, updateStrategy=rolling)
    release.refusal(IN_USE)
    assert installed(host) == OLD_NAME
    shutil.rmtree(host.proc / "4711")
    release.pod_of(images.new)
    assert installed(host) == NAME
