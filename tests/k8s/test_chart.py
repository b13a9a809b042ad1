"""Tests of the manifests that the installer's chart renders with different values."""

import json

import helm_python
import pytest

from lifecycle.kubernetes.manifests import CHART, NAMESPACE
from lifecycle.planning.tags import tag_of
from lifecycle.tools.helm import ChartRefusedError
from tests.support.charts.installer_chart import (
    COMBINATIONS,
    DIGEST,
    EVERYTHING,
    PROJECT,
    USUAL,
    container_of,
    containers_of,
    installer_of,
    pod_of,
    rendered,
)
from tests.support.checkout import ROOT

USUAL_CHART, WHOLE_CHART = rendered(USUAL), rendered(EVERYTHING)


def test_helm_finds_nothing_to_say_of_it() -> None:
    for values in ({}, USUAL, EVERYTHING):
        said = helm_python.lint(str(ROOT / CHART), dict(values), strict=True, namespace=NAMESPACE)
        assert [m for m in said["messages"] if m["error"] != "icon is recommended"] == []


def test_without_installers_nothing_runs_on_any_node() -> None:
    assert {found["kind"] for found in rendered({}).objects} == {"ServiceAccount", "NetworkPolicy", "Pod"}


def test_each_release_and_driver_has_a_daemonset_of_its_own() -> None:
    assert [d["metadata"]["name"] for d in USUAL_CHART.installers] == [
        f"nvidia-installer-{c.release}-{c.branch}" for c in COMBINATIONS
    ]


def test_it_lands_where_the_labels_name_its_release_and_its_driver() -> None:
    first = pod_of(USUAL_CHART.installers[0])
    (term,) = first["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]

    assert {e["key"]: e.get("values") for e in term["matchExpressions"]} == {
        "gpu": None, "os-version": [COMBINATIONS[0].release], "nvidia-driver": [COMBINATIONS[0].branch],
        "kubernetes.io/os": ["linux"],
    }  # fmt: skip


def test_the_labels_are_those_that_component_yaml_gives_new_node_pools() -> None:
    gitops = PROJECT.component.gitops
    assert gitops is not None
    labels = {key.removeprefix("labels.") for key in gitops.pools[0].set if key.startswith("labels.")}
    defaults = helm_python.Chart.load(str(ROOT / CHART)).values["nodes"]

    assert labels == {defaults["osReleaseLabel"], defaults["driverLabel"]}


def test_labels_that_are_empty_are_not_asked_for() -> None:
    found = rendered({**USUAL, "nodes": {"osReleaseLabel": "", "driverLabel": "", "required": []}}).installers[0]
    affinity = pod_of(found)["affinity"]["nodeAffinity"]

    assert json.dumps(affinity).count('"key"') == 1


def test_no_two_workloads_select_one_another_s_pods() -> None:
    two = [installer_of(COMBINATIONS[0], architecture=name) for name in ("amd64", "arm64")]
    chart = rendered({**EVERYTHING, "installers": [*two, *map(installer_of, COMBINATIONS[1:])]})
    workloads = [*chart.all("DaemonSet"), *chart.all("Deployment")]
    selectors = [d["spec"]["selector"]["matchLabels"] for d in workloads]
    labels = [d["spec"]["template"]["metadata"]["labels"] for d in workloads]

    for number, selector in enumerate(selectors):
        fitting = [n for n, own in enumerate(labels) if selector.items() <= own.items()]
        assert fitting == [number]


def test_the_image_is_pulled_by_digest() -> None:
    images = {c["image"] for d in USUAL_CHART.installers for c in containers_of(d)}

    assert images == {f"registry.example.org/system-services/nvidia-installer@{DIGEST}"}


def test_an_image_without_digest_is_pulled_by_its_tag() -> None:
    image = {"repository": "r/i", "tag": tag_of("550", COMBINATIONS[0])}
    found = rendered({"installers": [installer_of(COMBINATIONS[0], image=image)]}).installers[0]

    assert containers_of(found)[0]["image"] == f"r/i:{image['tag']}"


def test_installer_and_driver_are_told_the_same() -> None:
    for found in WHOLE_CHART.installers:
        install, driver = container_of(found, "install"), container_of(found, "driver")
        assert install["env"] == driver["env"]
        assert install["volumeMounts"] == driver["volumeMounts"]
        assert install["image"] == driver["image"]


def test_readiness_is_asked_of_the_installer() -> None:
    driver = containers_of(USUAL_CHART.installers[0])[1]

    assert driver["readinessProbe"]["exec"]["command"][1:] == ["status", "--quiet"]


def test_no_failed_probe_can_uninstall_a_driver() -> None:
    for found in WHOLE_CHART.installers:
        driver = container_of(found, "driver")
        assert not {"livenessProbe", "startupProbe"} & driver.keys()


@pytest.mark.parametrize(("value", "hook"), [("keep", None), ("uninstall", ["uninstall"])])
def test_the_driver_stays_or_goes_with_the_pod_by_value(value: str, hook: list[str] | None) -> None:
    driver = containers_of(rendered({**USUAL, "onTermination": value}).installers[0])[1]
    command = driver.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")

    assert (command[1:] if command else None) == hook


def test_other_parameters_are_another_pod() -> None:
    def annotation(*parameters: str) -> str:
        values = {**USUAL, "moduleParameters": {"nvidia": list(parameters)}}
        template = rendered(values).installers[0]["spec"]["template"]
        return str(template["metadata"]["annotations"]["nvidia-installer/parameters"])

    assert annotation("a=1") != annotation("a=2")
    assert annotation("a=1") == annotation("a=1")


def test_parameters_are_files_as_the_installer_reads_them() -> None:
    data = WHOLE_CHART.one("ConfigMap", "nvidia-installer-parameters")["data"]

    assert data["nvidia.conf"].splitlines() == ["NVreg_EnableGpuFirmware=0", 'NVreg_RegistryDwords="a=1"']


def test_names_are_those_that_a_pod_s_host_name_can_have() -> None:
    release = "gardenlinux-1592.10"
    installer = {**installer_of(COMBINATIONS[0]), "release": release}
    found = rendered({"installers": [installer]}).installers[0]

    assert found["metadata"]["name"] == f"nvidia-installer-gardenlinux-1592-10-{COMBINATIONS[0].branch}"
    assert found["spec"]["selector"]["matchLabels"]["nvidia-installer/release"] == release


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"instalers": []}, "additional properties 'instalers' not allowed"),
        ({"installers": [{"release": "a", "driver": "550", "version": "550.1"}]}, "missing property 'image'"),
        ({"installers": [installer_of(COMBINATIONS[0], image={"repository": "r"})]}, "/installers/0/image"),
        ({"installers": [installer_of(COMBINATIONS[0], moduleType="both")]}, "/installers/0/moduleType"),
        ({"installers": [installer_of(COMBINATIONS[0])] * 2}, "list each release, driver and architecture once"),
        ({"onTermination": "unload"}, "/onTermination"),
        ({"updateStrategy": {"type": "Recreate"}}, "/updateStrategy/type"),
        ({"updateStrategy": {"maxUnavailable": 0}}, "/updateStrategy/maxUnavailable"),
        ({"moduleParameters": {"nouveau": ["a=1"]}}, "invalid propertyName 'nouveau'"),
        ({"moduleParameters": {"nvidia": ["a = 1"]}}, "/moduleParameters/nvidia/0"),
        ({"installRoot": "/opt/../etc"}, "/installRoot"),
        ({"installers": [{**installer_of(COMBINATIONS[0]), "driver": 550}]}, "/installers/0/driver"),
    ],
)
def test_what_the_chart_cannot_use_is_refused_with_its_place(values: dict[str, object], said: str) -> None:
    with pytest.raises(ChartRefusedError) as caught:
        rendered(values)
    assert said in str(caught.value)
