"""The GPU Operator's values against the tags that `invoke push` writes."""

import re
from pathlib import Path

import yaml

from lifecycle.planning.tags import moving_tags
from tests.support.charts.installer_chart import COMBINATIONS, PROJECT
from tests.support.checkout import ROOT

DRIVERS = list(yaml.safe_load_all((ROOT / "k8s/gpu-operator/nvidia-drivers.yaml").read_text()))
VALUES = yaml.safe_load((ROOT / Path("k8s/gpu-operator/values.yaml")).read_text())["driver"]


def label_of(kernel: str) -> str:
    """Return the label kernel-version.full (node-feature-discovery, source/kernel/version.go)."""
    return re.sub("[^-A-Za-z0-9_.]", "_", kernel).strip("-_.")


def pulled(version: str, kernel: str, os_id: str, os_version: str) -> str:
    """Return the image that the Operator pulls for the labels of Node Feature Discovery.

    The name follows NVIDIA/gpu-operator (GetPrecompiledImagePath, resolveDriverTag).
    """
    return f"{VALUES['repository']}/{VALUES['image']}:{version}-{kernel}-{os_id}{os_version}"


def test_what_the_operator_pulls_for_a_node_is_a_tag_that_push_moves() -> None:
    image = PROJECT.component.image
    for combination in COMBINATIONS:
        os_id, os_version, *_ = combination.release.split("-")
        tags = {f"{image.registry}/{image.repository}:{tag}" for tag in moving_tags(combination, COMBINATIONS)}
        for version in (combination.branch, combination.driver):
            assert pulled(version, label_of(combination.kernel), os_id, os_version) in tags


def test_a_kernel_with_a_plus_is_among_them() -> None:
    assert [c.kernel for c in COMBINATIONS if "+" in c.kernel] != []
    assert label_of("6.12.118+deb13-cloud-amd64") == "6.12.118_deb13-cloud-amd64"


def test_the_values_name_a_branch_of_the_component_and_precompiled_drivers() -> None:
    assert VALUES["version"] in {combination.branch for combination in COMBINATIONS}
    assert VALUES["usePrecompiled"] is True


def test_each_example_of_a_driver_names_the_same_image_as_the_values() -> None:
    specs = [driver["spec"] for driver in DRIVERS]

    assert {driver["kind"] for driver in DRIVERS} == {"NVIDIADriver"}
    assert {(spec["repository"], spec["image"]) for spec in specs} == {(VALUES["repository"], VALUES["image"])}
    assert all(spec["usePrecompiled"] is True for spec in specs)
    assert {spec["version"] for spec in specs} <= {combination.branch for combination in COMBINATIONS}


def test_no_node_belongs_to_two_examples_of_a_driver() -> None:
    selectors = [driver["spec"]["nodeSelector"] for driver in DRIVERS]

    assert {key for selector in selectors for key in selector} == {"nvidia-driver"}
    assert len({selector["nvidia-driver"] for selector in selectors}) == len(DRIVERS) == 2
