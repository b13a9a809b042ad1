"""Tests of a pod's messages on a node that its image cannot serve."""

import os

import pytest
from helm_python import HelmError

from tests.support.machines.cluster.cluster import Cluster
from tests.support.machines.cluster.helm_release import IN_USE, NO_GPU, WRONG_KERNEL, Release, labels_for
from tests.support.machines.cluster.published_images import Images
from tests.support.machines.node_host import DRIVER, NAME, Node
from tests.support.machines.node_report import without_failure


def test_on_another_kernel_the_pod_names_the_image_that_the_node_needs(
    cluster: Cluster, release: Release, images: Images
) -> None:
    cluster.label(cluster.node, labels_for(images.wrong.branch))
    # No environment of the tests: the real image, the real host, the real kernel.
    release.install(images.wrong, env={})
    message = str(release.refusal(WRONG_KERNEL)["message"])
    (node,) = cluster.nodes()
    kernel = node["status"]["nodeInfo"]["kernelVersion"]
    assert kernel == os.uname().release
    assert f"this node runs {kernel}, and the image is for " in message
    assert f"this node needs the image with the tag {images.wrong.version}-{kernel.replace('+', '-')}-" in message


def test_a_refusal_leaves_the_host_as_it_was(cluster: Cluster, release: Release, images: Images, host: Node) -> None:
    host.empty_bus()
    before = host.stat()
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new)
    assert "GPU" in release.refusal(NO_GPU)["message"]
    assert host.stat() == before


def test_a_node_without_a_gpu_is_served_where_the_values_say_so(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    host.empty_bus()
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.new, requireGpu=False)
    release.pod_of(images.new)


def test_another_driver_is_refused_while_one_is_in_use_and_its_user_is_named(
    cluster: Cluster, release: Release, images: Images, host: Node
) -> None:
    cluster.label(cluster.node, labels_for("550"))
    release.install(images.old, images.new)
    release.pod_of(images.new)
    host.add_process(4711, "python3", "/dev/nvidia0")
    before = host.tree()
    cluster.label(cluster.node, labels_for("535"))
    message = str(release.refusal(IN_USE)["message"])
    assert "python3" in message
    assert "4711" in message
    assert DRIVER in message
    assert without_failure(host.tree()) == without_failure(before)
    assert NAME in str(host.drivers.joinpath("current").readlink())


def test_two_installers_with_one_name_are_no_release(release: Release, images: Images) -> None:
    with pytest.raises(HelmError, match="list each release, driver and architecture once"):
        release.install(images.new, images.new)
