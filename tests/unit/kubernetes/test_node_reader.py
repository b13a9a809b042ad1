import json
from typing import Any

import pytest

from lifecycle.kubernetes.node_reader import NodeSurvey, NoGpuNodesError, SelectorOfKernelsError, read_nodes
from lifecycle.kubernetes.nodes import ClusterNode
from lifecycle.tools.label_selector import LabelSelectorError
from tests.support.cluster_nodes import KERNEL, as_list, node

POOL = "worker.gardener.cloud/pool"
CONTROL_PLANE = {"node-role.kubernetes.io/control-plane": "", "gpu": "nvidia"}


def survey(*nodes: dict[str, Any], selector: str = "") -> NodeSurvey:
    return read_nodes(as_list(*nodes), file="f", selector=selector)


def names(found: NodeSurvey) -> list[str]:
    return [n.name for n in found.nodes]


def test_a_node_has_its_kernel_architecture_and_os_release() -> None:
    garden = node("b", kernel="6.6.71-cloud-amd64", os_image="Garden Linux 1592.10")
    other = node("c", kernel="5.15.0-generic", architecture="arm64", os_image="Ubuntu 22.04.3 LTS")

    assert survey(node("a"), garden, other).nodes == (
        ClusterNode(name="a", kernel=KERNEL, architecture="amd64", release="debian-12"),
        ClusterNode(name="b", kernel="6.6.71-cloud-amd64", architecture="amd64", release="gardenlinux-1592.10"),
        ClusterNode(name="c", kernel="5.15.0-generic", architecture="arm64", release=None),
    )


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        (node("w", system="windows", kernel="10.0.20348.2159"), "Windows"),
        (node("w", system="", labels={"gpu": "nvidia", "kubernetes.io/os": "windows"}, kernel=""), "Windows"),
        (node("f", system="freebsd"), "not Linux"),
        (node("m", labels=CONTROL_PLANE, kernel=""), "control plane"),
        (node("m", labels={"node-role.kubernetes.io/master": ""}), "control plane"),
        (node("c", labels={}), "no GPU"),
        (node("c", labels={"gpu": "amd"}), "no GPU"),
        (node("c", labels={}, kernel=""), "no GPU"),
        (node("v", labels={"type": "virtual-kubelet"}, kernel="", architecture=""), "virtual"),
        (node("v", labels={"type": "virtual-kubelet", "nvidia.com/gpu.present": "true"}, kernel=""), "virtual"),
        (node("l", labels={"liqo.io/type": "virtual-node", "gpu": "nvidia"}, kernel=""), "virtual"),
        ({"kind": "Pod", "metadata": {"name": "p"}}, "Pod"),
        ({"kind": "Service", "metadata": {"name": "s"}, "spec": []}, "Service"),
        (node("n", ready="False", kernel=""), "not ready"),
        (node("n", ready="Unknown"), "not ready"),
    ],
)
def test_a_node_that_gets_no_driver_is_counted_by_reason(left_out: dict[str, Any], reason: str) -> None:
    found = survey(node(), left_out, left_out)

    assert (names(found), found.left_out, found.problems) == (["gpu-1"], {reason: 2}, ())


def test_a_list_without_a_node_says_what_it_has() -> None:
    with pytest.raises(NoGpuNodesError, match="no ready GPU node found, left out: 2 Pod: label"):
        survey({"kind": "Pod"}, {"kind": "Pod"})


def test_an_architecture_may_have_the_name_of_uname() -> None:
    assert [n.architecture for n in survey(node(architecture="aarch64"), node(architecture="x86_64")).nodes] == [
        "arm64",
        "amd64",
    ]


def test_a_node_whose_conditions_are_missing_is_taken_for_ready() -> None:
    bare = node()
    del bare["status"]["conditions"]

    assert names(survey(bare)) == ["gpu-1"]


@pytest.mark.parametrize("no_info", [None, {}])
def test_a_node_without_facts_is_a_problem_and_the_others_go_on(no_info: object) -> None:
    bad = node("bad")
    bad["status"]["nodeInfo"] = no_info
    found = survey(node("a"), bad, node("b"))

    assert names(found) == ["a", "b"]
    assert found.problems == ("'bad': status.nodeInfo.kernelVersion is missing: kubelet has not reported it",)


def edited(key: str, value: object) -> dict[str, Any]:
    """Return a node of which one key (`status.capacity`) has another value."""
    changed = node("x")
    *path, last = key.split(".")
    part = changed
    for name in path:
        part = part[name]
    part[last] = value
    return changed


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (edited("status.nodeInfo.kernelVersion", ""), "'x': status.nodeInfo.kernelVersion is missing"),
        (
            edited("status.nodeInfo.kernelVersion", "beta\x1b[31m"),
            r"'x': status.nodeInfo.kernelVersion: 'beta\x1b[31m'",
        ),
        (
            edited("status.nodeInfo.kernelVersion", 6.12),
            "'x': status.nodeInfo.kernelVersion: input should be a valid string",
        ),
        (edited("status.nodeInfo", []), "'x': status.nodeInfo: "),
        (edited("status.nodeInfo.architecture", "amd 64"), "'x': status.nodeInfo.architecture: 'amd 64'"),
        (edited("metadata.labels", ["gpu"]), "'x': metadata.labels: input should be a valid dictionary"),
        (edited("metadata.labels", {"gpu": 1}), "'x': metadata.labels.gpu: input should be a valid string"),
        (
            edited("metadata.name", "evil\x1b[31m\ud800"),
            r"'evil\x1b[31m\ud800': metadata.name: it is no name of a node",
        ),
        (edited("metadata.name", None), "item 2: metadata.name: field required"),
        (edited("metadata", None), "item 2: metadata: field required"),
        (edited("kind", "node"), "'x': kind: input should be 'Node'"),
        (edited("kind", 5), "'x': kind: input should be 'Node'"),
        (edited("status.conditions", "Ready"), "'x': status.conditions: "),
        ([1], "item 2: it is no object"),
        ("gpu-1", "item 2: it is no object"),
    ],
)
def test_a_bad_node_is_named_with_what_is_wrong(bad: Any, said: str) -> None:  # noqa: ANN401 - anything that JSON has
    found = read_nodes(json.dumps([node("a"), *(bad if isinstance(bad, list) else [bad])]).encode(), file="f")

    assert names(found) == ["a"]
    assert [problem.startswith(said) for problem in found.problems] == [True], found.problems


def test_null_is_what_go_writes_for_an_empty_value() -> None:
    empty = node()
    empty["status"] |= {"conditions": None, "capacity": None}

    assert names(survey(empty)) == ["gpu-1"]


def test_a_new_node_of_a_gpu_pool_is_a_gpu_node() -> None:
    known = node("a", labels={POOL: "infer"}, capacity={"nvidia.com/gpu": "8"})
    new, other = node("b", labels={POOL: "infer"}), node("c", labels={POOL: "cpu"})
    found = survey(new, other, known)

    assert (names(found), found.left_out) == (["b", "a"], {"no GPU": 1})


# ----- the user's selector


def test_a_selector_decides_in_place_of_labels_and_capacity() -> None:
    chosen, other = node("a", labels={POOL: "infer-s-v1"}), node("b", capacity={"nvidia.com/gpu": "1"})
    found = survey(chosen, other, selector=f"{POOL} in (infer-s-v1, infer-s-v2)")

    assert (names(found), found.left_out) == (["a"], {"not selected": 1})


def test_a_selector_can_name_nodes_of_the_control_plane() -> None:
    assert names(survey(node("a", labels=CONTROL_PLANE), selector="gpu=nvidia")) == ["a"]


def test_a_selected_node_that_is_not_ready_is_left_out() -> None:
    assert survey(node("a"), node("b", ready="False"), selector="gpu").left_out == {"not ready": 1}


def test_a_selector_that_is_none_is_one_sentence() -> None:
    with pytest.raises(LabelSelectorError, match="is no label selector"):
        survey(node(), selector="a=b=c")


def test_kernel_releases_have_no_labels_to_select() -> None:
    with pytest.raises(
        SelectorOfKernelsError, match="f: a list of kernel releases has no labels: leave out --selector"
    ):
        read_nodes(b"6.1.0-56-cloud-amd64\n", file="f", selector="gpu")


def test_a_fleet_without_a_gpu_node_is_never_all_covered() -> None:
    with pytest.raises(NoGpuNodesError, match=r"no ready GPU node found, left out: 2 no GPU, 1 Windows: .* --selector"):
        survey(node("a", labels={}), node("b", labels={}), node("w", system="windows"))


# ----- kernel releases


def test_kernel_releases_are_one_a_line_and_may_have_a_comment() -> None:
    found = read_nodes(b"# two\n6.1.0-56-cloud-amd64\n\n6.12.117+deb13-cloud-amd64  # x\n", file="f")

    assert found.nodes == (
        ClusterNode(name="line 2", kernel="6.1.0-56-cloud-amd64"),
        ClusterNode(name="line 4", kernel="6.12.117+deb13-cloud-amd64"),
    )


def test_a_kernel_release_may_have_its_architecture() -> None:
    found = read_nodes(b"6.12.25-custom aarch64\n6.12.25-custom x86_64\n6.12.25-custom amd64\n", file="f")

    assert [n.architecture for n in found.nodes] == ["arm64", "amd64", "amd64"]


def test_kernel_releases_of_a_jsonpath_are_on_one_line() -> None:
    assert [n.kernel for n in read_nodes(b"6.1.0-56-cloud-amd64 6.12.25-custom", file="f").nodes] == [
        KERNEL,
        "6.12.25-custom",
    ]
