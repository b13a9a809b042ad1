import pytest

from lifecycle.kubernetes.nodes import ClusterNode
from lifecycle.rehearsal.node_groups import Gpus, NodeKind
from lifecycle.rehearsal.target import Target, TargetFinder, UpgradePath, path_between
from tests.support.builders.projects import component, project

OLD, NEW = "6.1.0-56-cloud-amd64", "6.12.117-amd64"
LINE = "{driverVersion: 535, moduleType: open, reason: there are no open modules of it}"
EXCLUDED = "{driverVersion: 535.*, reason: it does not compile there, kernel: '>=6.12'}"


def kind(kernel: str = OLD, *, driver: str = "", wanted: str = "", release: str | None = "old-1") -> NodeKind:
    node = ClusterNode(name="", kernel=kernel, architecture="amd64", release=release)
    return NodeKind(node=node, gpus=Gpus(), driver=driver, wanted=wanted)


def target(of: NodeKind, *, driver: str = "") -> Target:
    matrix = project(component=component((f"    - {LINE}\n", f"    - {LINE}\n    - {EXCLUDED}\n"))).matrix
    return TargetFinder(matrix, driver).find(of)


@pytest.mark.parametrize(
    ("nodes", "override", "driver"),
    [
        (kind(), "", "550.163.01"),
        (kind(driver="535.104.05"), "", "535.309.01"),
        (kind(driver="525.60.13"), "", "550.163.01"),
        (kind(driver="535.104.05", wanted="550"), "", "550.163.01"),
        (kind(wanted="535.309.01"), "", "535.309.01"),
        (kind(wanted="550"), "535", "535.309.01"),
    ],
    ids=["newest", "own branch", "branch not declared", "label", "exact label", "option"],
)
def test_the_driver_is_asked_for_or_of_the_branch_or_the_newest(nodes: NodeKind, override: str, driver: str) -> None:
    found = target(nodes, driver=override)

    assert (found.driver, found.combination.id if found.combination else "") == (driver, f"old-1/{OLD}/{driver}")


def test_the_newest_driver_is_one_that_has_an_image_for_the_kernel() -> None:
    only_550_excluded = EXCLUDED.replace("535", "550")
    matrix = project(component=component((f"    - {LINE}\n", f"    - {LINE}\n    - {only_550_excluded}\n"))).matrix

    assert TargetFinder(matrix).find(kind(NEW)).driver == "535.309.01"


def test_a_driver_that_is_not_declared_has_no_target() -> None:
    found = target(kind(wanted="580"))

    assert (found.driver, found.declared, found.combination) == ("580", False, None)


def test_a_kernel_that_no_release_has_needs_the_image_with_its_tag() -> None:
    found = target(kind("6.1.0-99-cloud-amd64"))

    assert (found.combination, found.tag, found.excluded) == (None, "550.163.01-6.1.0-99-cloud-amd64-old-1", ())


def test_an_excluded_combination_has_its_reasons() -> None:
    found = target(kind(NEW, driver="535.104.05"))

    assert found.combination is None
    assert found.excluded == ("it does not compile there", "there are no open modules of it")


@pytest.mark.parametrize(
    ("now", "driver", "path"),
    [
        ("", "550.163.01", UpgradePath.UNKNOWN),
        ("550.163.01", "550.163.01", UpgradePath.SAME),
        ("550.90.07", "550.163.01", UpgradePath.NEWER_VERSION),
        ("535.309.01", "550.163.01", UpgradePath.NEWER_BRANCH),
        ("550.163.01", "535.309.01", UpgradePath.DOWNGRADE),
        ("580.95", "580.105.08", UpgradePath.NEWER_VERSION),
    ],
)
def test_the_path_is_between_two_versions(now: str, driver: str, path: UpgradePath) -> None:
    assert path_between(now, driver) is path


def test_a_node_of_another_architecture_gets_no_image_of_this_one() -> None:
    node = ClusterNode(name="", kernel=OLD, architecture="arm64", release=None)
    found = target(NodeKind(node=node, gpus=Gpus(), driver="", wanted=""))

    assert (found.combination, found.tag) == (None, f"550.163.01-{OLD}-arm64-<os release>")
