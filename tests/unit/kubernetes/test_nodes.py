import json

import pytest

from lifecycle.kubernetes.nodes import BadNodesError, ClusterNode, Coverage, ImageRequirement, find_coverage, read_nodes
from tests.support.builders.projects import component, driver, kernel, lock, project

EDITS = [
    (f"{place}{old}", f"{place}{new}")
    for old, new in (("old-1", "debian-12"), ("new-2", "debian-13"))
    for place in ("name: ", "    ", "release: ")
]
MATRIX = project(
    component=component(*EDITS),
    lock=lock(
        kernels={
            "debian-12/amd64": kernel("6.1.0-56-cloud-amd64", "6.1.192"),
            "debian-13/amd64": kernel("6.12.117+deb13-cloud-amd64", "6.12.117"),
        },
        drivers={"535/amd64": driver("535.309.01"), "550.163.01/amd64": driver("550.163.01")},
    ),
).matrix


def coverage_of(node: ClusterNode, version: str = "535.309.01") -> Coverage:
    return next(entry for entry in find_coverage([node], MATRIX) if entry.driver == version)


def test_a_node_whose_kernel_is_in_the_matrix_has_an_image() -> None:
    found = coverage_of(ClusterNode(name="n", kernel="6.1.0-56-cloud-amd64", release="debian-12"))

    assert found.now == ImageRequirement(tag="535.309.01-6.1.0-56-cloud-amd64-debian-12", covered=True)
    assert found.to == "debian-13"
    assert found.after == ImageRequirement(tag="535.309.01-6.12.117-deb13-cloud-amd64-debian-13", covered=True)


def test_a_node_of_another_kernel_is_told_the_tag_that_is_missing() -> None:
    found = coverage_of(ClusterNode(name="n", kernel="6.1.0-99-cloud-amd64", release="debian-12"))

    assert found.now == ImageRequirement(tag="535.309.01-6.1.0-99-cloud-amd64-debian-12", covered=False)


def test_a_kernel_alone_is_covered_by_any_release_that_has_it() -> None:
    assert coverage_of(ClusterNode(name="n", kernel="6.1.0-56-cloud-amd64")).now.covered
    unknown = coverage_of(ClusterNode(name="n", kernel="6.2"))
    assert (unknown.now.tag, unknown.to) == ("535.309.01-6.2-<os release>", None)


def test_the_newest_release_has_nothing_after_it() -> None:
    found = coverage_of(ClusterNode(name="n", kernel="6.12.117+deb13-cloud-amd64", release="debian-13"))

    assert (found.now.covered, found.to, found.after) == (True, None, None)


def test_nodes_are_read_from_what_kubectl_prints() -> None:
    def item(name: str, kernel: str, os_image: str) -> dict[str, object]:
        return {"metadata": {"name": name}, "status": {"nodeInfo": {"kernelVersion": kernel, "osImage": os_image}}}

    text = json.dumps(
        {
            "items": [
                item("a", "6.6.71-cloud-amd64", "Garden Linux 1592.10"),
                item("b", "6.1.0-56-cloud-amd64", "Debian GNU/Linux 12 (bookworm)"),
                item("c", "5.15.0-generic", "Ubuntu 22.04.3 LTS"),
            ]
        }
    )

    assert [(node.name, node.release) for node in read_nodes(text, file="f")] == [
        ("a", "gardenlinux-1592.10"),
        ("b", "debian-12"),
        ("c", None),
    ]


def test_nodes_are_read_from_kernel_releases_one_a_line() -> None:
    nodes = read_nodes("# two\n6.1.0-56-cloud-amd64\n\n6.12.117+deb13-cloud-amd64  # x\n", file="f")

    assert [node.kernel for node in nodes] == ["6.1.0-56-cloud-amd64", "6.12.117+deb13-cloud-amd64"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f: no node found: write the output of `kubectl get nodes -o json`"),
        ("hello world", "f: line 1: 'hello world' is not a kernel release"),
        ("{", r"f: not a list of nodes \(JSONDecodeError"),
        ('{"items": [{"metadata": {"name": "a"}}]}', r"f: not a list of nodes \(KeyError: 'status'\)"),
        ('{"items": []}', "f: no node found"),
    ],
)
def test_a_file_that_lists_no_nodes_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadNodesError, match=said):
        read_nodes(text, file="f")
