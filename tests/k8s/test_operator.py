"""The GPU Operator's values against the tags that `invoke push` writes."""

from pathlib import Path

import yaml

from lifecycle.planning.tags import moving_tags
from tests.support.charts.installer_chart import COMBINATIONS, PROJECT
from tests.support.checkout import ROOT

VALUES = yaml.safe_load((ROOT / Path("k8s/gpu-operator/values.yaml")).read_text())["driver"]


def pulled(version: str, kernel: str, os_id: str, os_version: str) -> str:
    """Return the image that the Operator pulls.

    The name follows NVIDIA/gpu-operator, precompiled drivers: docs/how-to/gpu-operator.md.
    """
    return f"{VALUES['repository']}/{VALUES['image']}:{version}-{kernel}-{os_id}{os_version}"


def test_what_the_operator_pulls_for_a_node_is_a_tag_that_push_moves() -> None:
    image = PROJECT.component.image
    for combination in (c for c in COMBINATIONS if "+" not in c.kernel):
        os_id, _, os_version = combination.release.partition("-")
        tags = {f"{image.registry}/{image.repository}:{tag}" for tag in moving_tags(combination, COMBINATIONS)}
        for version in (combination.branch, combination.driver):
            assert pulled(version, combination.kernel, os_id, os_version) in tags


def test_the_values_name_a_branch_of_the_component_and_precompiled_drivers() -> None:
    assert VALUES["version"] in {combination.branch for combination in COMBINATIONS}
    assert VALUES["usePrecompiled"] is True
