"""Tests of the charts' values: their text, what a parent chart passes on, and the READMEs that describe them."""

import json
import shutil
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from lifecycle.kubernetes.manifests import CHART
from lifecycle.tools.helm import ChartRefusedError, render
from tests.support.charts.build_chart import USUAL as USUAL_BUILD
from tests.support.charts.build_chart import container, rendered_build
from tests.support.charts.installer_chart import (
    COMBINATIONS,
    EVERYTHING,
    USUAL,
    Rendered,
    container_of,
    containers_of,
    installer_of,
    refusal,
    rendered,
)
from tests.support.charts.pods import environment
from tests.support.charts.values_table import CHARTS, leaves, rows_of, table_of
from tests.support.checkout import ROOT


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10000000, "10000000"),
        (9007199254740991, "9007199254740991"),
        (-1, "-1"),
        (1.5, "1.5"),
        (0.000001, "0.000001"),
        (True, "true"),
        ("007", "007"),
        ("1e7", "1e7"),
        ("a: b # c", "a: b # c"),
    ],
)
def test_a_variable_has_the_text_of_its_value(value: object, text: str) -> None:
    installer = rendered({**USUAL, "env": {"FOO": value}}).installers[0]
    build = rendered_build({**USUAL_BUILD, "env": {"FOO": value}})

    assert environment(container_of(installer, "driver"))["FOO"] == text
    assert environment(container(build, "checkout"))["FOO"] == text


@pytest.mark.parametrize("parse", [helm_python.parse_set_string, helm_python.parse_set_json])
def test_a_number_of_the_command_line_keeps_its_digits(parse: Any) -> None:  # noqa: ANN401 - functions of a library
    values = parse("env.FOO=10000000")
    found = rendered({**USUAL, **values}).installers[0]

    assert environment(container_of(found, "install"))["FOO"] == "10000000"


def test_a_number_too_large_for_its_digits_is_refused() -> None:
    assert "/env/FOO" in refusal({**USUAL, "env": {"FOO": 12345678901234567}})


def test_large_numbers_of_seconds_and_pods_stay_whole() -> None:
    chart = rendered({**USUAL, "terminationGracePeriodSeconds": 10000000, "namespace": {"priorityQuota": 10000000}})
    job = rendered_build({**USUAL_BUILD, "activeDeadlineSeconds": 10000000}).all("Job")[0]

    assert chart.installers[0]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 10000000
    assert chart.all("ResourceQuota")[0]["spec"]["hard"] == {"pods": "10000000"}
    assert job["spec"]["activeDeadlineSeconds"] == 10000000


def amounts_of(chart: Rendered) -> list[object]:
    """Return all amounts of resources of a chart's containers."""
    workloads = [found for kind in ("DaemonSet", "Deployment", "Job", "Pod") for found in chart.all(kind)]
    lists = [container["resources"] for found in workloads for container in containers_of(found)]
    return [amount for kinds in lists for amounts in kinds.values() for amount in amounts.values()]


def test_amounts_of_resources_are_strings_as_kubernetes_stores_them() -> None:
    own = {"resources": {"limits": {"cpu": 10000000, "memory": 1.5}}}
    parts = {name: {"enabled": True, **own} for name in ("devicePlugin", "startupTaint")}
    amounts = amounts_of(rendered({**EVERYTHING, **own, **parts, "verification": own}))

    assert {"10000000", "1.5"} < set(amounts)
    assert all(isinstance(amount, str) for amount in [*amounts, *amounts_of(rendered_build(USUAL_BUILD))])


def test_parameters_by_name_are_those_of_a_list() -> None:
    named, listed = (
        rendered({**USUAL, "moduleParameters": {"nvidia": parameters}}).one("ConfigMap", "nvidia-installer-parameters")
        for parameters in ({"NVreg_A": 10000000, "NVreg_B": "x=1"}, ["NVreg_A=10000000", "NVreg_B=x=1"])
    )

    assert named["data"] == listed["data"] == {"nvidia.conf": "NVreg_A=10000000\nNVreg_B=x=1"}


@pytest.mark.parametrize("parameters", [{"NVreg_A": "1 2"}, {"a b": 1}, {"NVreg_A": ""}, ["NVreg_A"], "NVreg_A=1"])
def test_parameters_that_no_module_takes_are_refused(parameters: object) -> None:
    assert "/moduleParameters" in refusal({**USUAL, "moduleParameters": {"nvidia": parameters}})


@pytest.mark.parametrize("enabled", [True, False])
def test_a_parent_chart_switches_it_and_passes_its_globals(tmp_path: Path, enabled: bool) -> None:
    (tmp_path / "charts").mkdir()
    shutil.copytree(ROOT / CHART, tmp_path / "charts/nvidia-installer")
    dependency = {"name": "nvidia-installer", "version": "1.0.0", "condition": "nvidia-installer.enabled"}
    parent = {"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]}
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(parent))
    values = {"global": {"region": "x"}, "nvidia-installer": {"enabled": enabled, **USUAL}}

    found = render(tmp_path, values, name="parent", namespace="kube-system")

    assert len([one for one in found if one["kind"] == "DaemonSet"]) == (len(COMBINATIONS) if enabled else 0)


def test_a_chart_that_is_switched_off_renders_nothing() -> None:
    assert rendered({**USUAL, "enabled": False}).objects == []
    assert rendered_build({**USUAL_BUILD, "enabled": False}).objects == []


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("podLabels", "app.kubernetes.io/name"),
        ("podLabels", "app.kubernetes.io/component"),
        ("podLabels", "nvidia-installer/release"),
        ("podAnnotations", "kubectl.kubernetes.io/default-container"),
        ("podAnnotations", "nvidia-installer/parameters"),
        ("daemonSetLabels", "app.kubernetes.io/version"),
    ],
)
def test_a_label_of_the_chart_itself_is_refused_in_one_sentence(value: str, key: str) -> None:
    assert f"{value}: the chart sets {key} itself: remove it" in refusal({**USUAL, value: {key: "mine"}})


@pytest.mark.parametrize("key", ["app.kubernetes.io/instance", "job-name"])
def test_the_build_chart_refuses_its_own_labels_too(key: str) -> None:
    with pytest.raises(ChartRefusedError, match=f"podLabels: the chart sets {key} itself: remove it"):
        rendered_build({**USUAL_BUILD, "podLabels": {key: "mine"}})


@pytest.mark.parametrize("name", ["my_os", "My OS", "x" * 60 + "_", "_a."])
def test_any_name_of_a_release_gives_names_that_the_api_takes(name: str) -> None:
    values = {**USUAL, "installers": [installer_of(COMBINATIONS[0], release="my_os")], "prePull": {"enabled": True}}
    found = render(ROOT / CHART, values, name=name, namespace="kube-system")

    assert {one["metadata"]["name"] for one in found if not is_name(one["metadata"]["name"])} == set()


def test_two_releases_that_get_one_name_are_refused() -> None:
    two = [installer_of(COMBINATIONS[0], release=release) for release in ("my_os", "my.os")]

    assert "list each release, driver and architecture once" in refusal({"installers": two})


def is_name(name: str) -> bool:
    """Return whether a name is a DNS label, of which pods make their host names (RFC 1123)."""
    return (
        len(name) <= 63
        and name == name.strip("-")
        and name.isascii()
        and name.replace("-", "").isalnum()
        and name.islower()
    )


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_each_value_has_a_description_in_the_schema(chart: Path) -> None:
    assert [name for name, _, meaning in rows_of(chart) if not meaning or meaning.endswith(": ")] == []


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_the_schema_describes_each_default(chart: Path) -> None:
    names = {name for name, _, _ in rows_of(chart)}
    defaults = yaml.safe_load((chart / "values.yaml").read_text())

    assert [leaf for leaf in leaves(defaults) if not any(f"{leaf}.".startswith(f"{name}.") for name in names)] == []


def test_a_new_value_is_missing_in_the_readme(tmp_path: Path) -> None:
    shutil.copytree(ROOT / CHART, tmp_path / "chart")
    schema = json.loads((tmp_path / "chart/values.schema.json").read_text())
    schema["properties"]["new"] = {"description": "something new", "type": "string"}
    (tmp_path / "chart/values.schema.json").write_text(json.dumps(schema))

    assert "| `new` |  | something new |" in table_of(tmp_path / "chart")
    assert "`new`" not in (tmp_path / "chart/README.md").read_text()
