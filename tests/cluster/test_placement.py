"""Tests of the selection of nodes for an installer."""

from functools import partial

from tests.support.machines.cluster.cluster import Cluster, Object
from tests.support.machines.cluster.helm_release import LABELS, Release, labels_for
from tests.support.machines.cluster.pod_host import installed
from tests.support.machines.cluster.published_images import Images
from tests.support.machines.node_host import NAME, Node


def node_of(pod: Object) -> str:
    """Return the name of the node for which a DaemonSet created a pod."""
    terms = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (field,) = terms["nodeSelectorTerms"][0]["matchFields"]
    return str(field["values"][0])


def places(release: Release) -> list[tuple[str, str]]:
    """Return the driver branch that each pod installs, with the pod's node."""
    return sorted((pod["metadata"]["labels"]["nvidia-installer/driver"], node_of(pod)) for pod in release.pods())


def test_without_labels_no_node_gets_an_installer(cluster: Cluster, release: Release, images: Images) -> None:
    release.install(images.old, images.new)
    for image in (images.old, images.new):
        cluster.wait(partial(release.is_observed, image.branch), "the DaemonSet is seen to")
        assert release.daemonset(image.branch)["status"]["desiredNumberScheduled"] == 0
    assert release.pods() == []


def test_each_node_gets_the_installer_that_its_labels_name(
    cluster: Cluster, release: Release, images: Images, other_node: str
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    cluster.label(other_node, labels_for("535"))
    release.install(images.old, images.new)
    expected = [("535", other_node), ("550", cluster.node)]
    cluster.wait(lambda: places(release) == expected, f"pods where the labels say: {expected}")


def test_a_node_without_one_of_the_labels_gets_none(
    cluster: Cluster, release: Release, images: Images, other_node: str
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    for lacking in LABELS:
        cluster.label(other_node, {name: value for name, value in labels_for("550").items() if name != lacking})
        cluster.unlabel(other_node, lacking)
        release.install(images.new)
        cluster.wait(lambda: release.is_observed("550"), "the DaemonSet is seen to")
        assert places(release) == [("550", cluster.node)], lacking
        release.clear()


def test_a_node_whose_label_goes_loses_its_pod_and_keeps_its_driver(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    release.pod_of(images.new)
    cluster.unlabel(cluster.node, "nvidia-driver")
    cluster.wait(lambda: not release.pods(), "no pod")
    assert installed(host) == NAME


def test_a_tainted_node_gets_its_installer(cluster: Cluster, release: Release, images: Images, host: Node) -> None:
    taint = "gpu=true:NoExecute"
    cluster.kubectl("taint", "node", cluster.node, taint)
    try:
        cluster.label(cluster.node, labels_for("550"))
        release.install(images.new)
        release.pod_of(images.new)
    finally:
        cluster.kubectl("taint", "node", cluster.node, f"{taint}-")
    assert installed(host) == NAME
