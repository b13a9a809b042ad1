from dataclasses import replace

from lifecycle.config.schema import Architecture
from lifecycle.kubernetes.nodes import ClusterNode, Coverage, ImageRequirement, find_coverage
from lifecycle.planning.matrix import Matrix
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
    assert (unknown.now.tag, unknown.to) == ("535.309.01-6.2-amd64-<os release>", None)


def test_the_newest_release_has_nothing_after_it() -> None:
    found = coverage_of(ClusterNode(name="n", kernel="6.12.117+deb13-cloud-amd64", release="debian-13"))

    assert (found.now.covered, found.to, found.after) == (True, None, None)


def test_of_releases_with_one_version_the_first_declared_is_next() -> None:
    (newest, *_) = [c for c in MATRIX.combinations if c.release == "debian-13"]
    others = tuple(replace(newest, release=f"debian-13-{name}") for name in ("backports", "a", "b", "c", "d", "e"))
    matrix = Matrix(combinations=(*MATRIX.combinations, *others), excluded=(), warnings=())
    (found, *_) = find_coverage([ClusterNode(name="n", kernel="6.1.0-56-cloud-amd64", release="debian-12")], matrix)

    assert found.to == "debian-13"


# ----- two architectures

CUSTOM = "6.12.25-gardener-custom"
BOTH = project(
    component=component(*EDITS, ("architecture: [amd64]", "architecture: [amd64, arm64]")),
    lock=lock(
        kernels={
            f"{release}/{architecture}": kernel(CUSTOM, "6.12.25")
            for release in ("debian-12", "debian-13")
            for architecture in Architecture
        },
        drivers={
            f"{name}/{architecture}": driver(version)
            for name, version in (("535", "535.309.01"), ("550.163.01", "550.163.01"))
            for architecture in Architecture
        },
    ),
).matrix


def now_of(node: ClusterNode, matrix: Matrix) -> ImageRequirement:
    return find_coverage([node], matrix)[0].now


def test_two_architectures_of_one_kernel_release_have_eight_names() -> None:
    assert len(BOTH.combinations) == len({c.id for c in BOTH.combinations}) == 8


def test_an_arm64_node_is_not_covered_by_an_amd64_matrix() -> None:
    amd64 = Matrix(
        combinations=tuple(c for c in BOTH.combinations if c.architecture is Architecture.AMD64),
        excluded=(),
        warnings=(),
    )
    node = ClusterNode(name="n", kernel=CUSTOM, architecture="arm64", release="debian-12")

    assert now_of(node, amd64) == ImageRequirement(tag=f"535.309.01-{CUSTOM}-arm64-debian-12", covered=False)
    assert now_of(node, BOTH) == ImageRequirement(tag=f"535.309.01-{CUSTOM}-arm64-debian-12", covered=True)


def test_an_architecture_that_no_image_is_for_is_missing() -> None:
    node = ClusterNode(name="n", kernel=CUSTOM, architecture="riscv64", release="debian-12")

    assert now_of(node, BOTH) == ImageRequirement(tag=f"535.309.01-{CUSTOM}-riscv64-debian-12", covered=False)


def test_an_unknown_architecture_is_covered_if_all_of_the_matrix_are() -> None:
    node = ClusterNode(name="n", kernel=CUSTOM)
    *others, last = BOTH.combinations
    renamed = Matrix(combinations=(*others, replace(last, kernel="6.2")), excluded=(), warnings=())

    assert now_of(node, BOTH) == ImageRequirement(tag=f"535.309.01-{CUSTOM}-<architecture>-debian-12", covered=True)
    found = find_coverage([ClusterNode(name="n", kernel="6.2")], renamed)
    assert [entry.now.covered for entry in found if entry.driver == last.driver] == [False]


def test_an_upgraded_node_keeps_its_architecture() -> None:
    node = ClusterNode(name="n", kernel=CUSTOM, architecture="arm64", release="debian-12")
    after = find_coverage([node], BOTH)[0].after

    assert after == ImageRequirement(tag=f"535.309.01-{CUSTOM}-arm64-debian-13", covered=True)


def test_nodes_keep_their_order_and_names() -> None:
    nodes = [ClusterNode(name=name, kernel=CUSTOM, architecture="arm64") for name in ("b", "a", "b")]

    assert [entry.node for entry in find_coverage(nodes, BOTH)] == ["b", "b", "a", "a", "b", "b"]
