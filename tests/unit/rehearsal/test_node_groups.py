from collections.abc import Mapping
from typing import Any

import pytest

from lifecycle.kubernetes.node_reader import read_nodes
from lifecycle.rehearsal.node_groups import Gpus, NodeKind, group_kinds, read_driver, read_gpus
from tests.support.cluster_nodes import KERNEL, as_list, node

NFD = "feature.node.kubernetes.io"
OWN = f"{NFD}/nvidia-installer.driver-version"
GFD = "nvidia.com"
H100 = f"{NFD}/pci-0302_10de_2330.present"


def pod(
    on: str, version: str = "", *, image: str = "", ready: str = "True", component: str = "installer"
) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": component, **({"nvidia-installer/version": version} if version else {})}
    return {
        "kind": "Pod",
        "metadata": {"name": f"pod-{on}-{version}", "labels": labels},
        "spec": {"nodeName": on, "containers": [{"name": "driver", "image": image}]},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def kinds(*objects: dict[str, Any]) -> dict[NodeKind, list[str]]:
    return group_kinds(read_nodes(as_list(*objects), file="f"))


def drivers(*objects: dict[str, Any]) -> list[str]:
    return [kind.driver for kind in kinds(*objects)]


@pytest.mark.parametrize(
    ("labels", "gpus"),
    [
        ({H100: "true"}, Gpus(ids=("2330",))),
        ({f"{NFD}/pci-0300_10de_1e04_1043_8668.present": "true", H100: "true"}, Gpus(ids=("1e04", "2330"))),
        ({H100: "false"}, Gpus()),
        ({f"{NFD}/pci-0680_10de_22a3.present": "true"}, Gpus()),
        ({f"{NFD}/pci-10de_2330.present": "true"}, Gpus()),
        ({f"{NFD}/pci-0302_10de.present": "true"}, Gpus()),
        ({f"{NFD}/pci-0302_10de_10de.present": "true"}, Gpus()),
        ({f"{NFD}/pci-0302_1002_740f.present": "true"}, Gpus()),
        (
            {f"{GFD}/gpu.product": "NVIDIA-H100-80GB-HBM3-SHARED", f"{GFD}/gpu.family": "hopper"},
            Gpus(product="NVIDIA-H100-80GB-HBM3", family="hopper"),
        ),
        ({f"{GFD}/gpu.product": "NVIDIA-A30-MIG-1g.6gb"}, Gpus(product="NVIDIA-A30")),
        ({H100: "true", f"{GFD}/gpu.product": "NVIDIA-H100", f"{GFD}/gpu.family": "hopper"}, Gpus(ids=("2330",))),
    ],
)
def test_gpus_are_what_labels_say_and_else_unknown(labels: Mapping[str, str], gpus: Gpus) -> None:
    assert read_gpus(labels) == gpus


def test_gpus_are_shown_by_ids_or_product_or_as_unknown() -> None:
    shown = [str(gpus) for gpus in (Gpus(ids=("1db6", "2330")), Gpus(product="A30", family="ampere"), Gpus())]

    assert shown == ["10de:1db6, 10de:2330", "A30 (ampere)", "unknown"]


@pytest.mark.parametrize(
    ("labels", "driver"),
    [
        ({OWN: "550.163.01"}, "550.163.01"),
        ({f"{GFD}/cuda.driver-version.full": "550.163.01"}, "550.163.01"),
        ({f"{GFD}/cuda.driver-version.{part}": text for part, text in (("major", "580"), ("minor", "95"))}, "580.95"),
        (
            {f"{GFD}/cuda.driver.{part}": text for part, text in (("major", "535"), ("minor", "104"), ("rev", "05"))},
            "535.104.05",
        ),
        ({f"{GFD}/cuda.driver.major": "535"}, ""),
        ({OWN: "none"}, ""),
        ({OWN: "535.309.01", f"{GFD}/cuda.driver-version.full": "550.163.01"}, "535.309.01"),
        ({}, ""),
    ],
)
def test_the_driver_is_a_whole_version_of_a_label_or_unknown(labels: Mapping[str, str], driver: str) -> None:
    assert read_driver(labels) == driver


def test_a_ready_pod_of_the_installer_tells_the_driver() -> None:
    assert drivers(node("a"), pod("a", "535.309.01")) == ["535.309.01"]


def test_the_tag_of_the_pods_image_tells_the_driver_without_a_label() -> None:
    image = "registry.example.org/nvidia-installer:550.163.01-6.1.0-56-cloud-amd64-debian-12"

    assert drivers(node("a"), pod("a", image=image)) == ["550.163.01"]


@pytest.mark.parametrize(
    "pods",
    [
        [pod("a", "535.309.01", ready="False")],
        [pod("a", "535.309.01", component="device-plugin")],
        [pod("b", "535.309.01")],
        [pod("a", "535.309.01"), pod("a", "550.163.01")],
        [pod("a", image="registry.example.org/nvidia-installer@sha256:0")],
        [{"kind": "Pod", "metadata": "?"}],
    ],
    ids=["not ready", "other component", "other node", "two versions", "only a digest", "malformed"],
)
def test_no_other_pod_tells_the_driver(pods: list[dict[str, Any]]) -> None:
    assert drivers(node("a"), *pods) == [""]


def test_nodes_that_are_equal_for_a_driver_are_one_group() -> None:
    labels = {"gpu": "nvidia", H100: "true", "nvidia-driver": "550"}
    found = kinds(node("a", labels=labels), node("b", labels={**labels, "rack": "7"}), node("c"))

    assert list(found.values()) == [["a", "b"], ["c"]]
    assert [(kind.node.kernel, kind.wanted) for kind in found] == [(KERNEL, "550"), (KERNEL, "")]


def test_a_label_that_is_no_driver_asks_for_none() -> None:
    (kind,) = kinds(node("a", labels={"nvidia-driver": "true"}))

    assert kind.wanted == ""


def test_a_list_of_kernel_releases_has_unknown_gpus_and_drivers() -> None:
    found = group_kinds(read_nodes(f"{KERNEL}\n{KERNEL} # two\n".encode(), file="f"))

    assert [(str(kind.gpus), kind.driver, len(nodes)) for kind, nodes in found.items()] == [("unknown", "", 2)]
