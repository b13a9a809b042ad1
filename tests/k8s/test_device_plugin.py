"""Tests of NVIDIA's device plugin as the chart runs it: beside the driver, with the installer's CDI specification."""

import posixpath
from typing import Any

import pytest
import yaml

from tests.support.charts.installer_chart import (
    COMBINATIONS,
    EVERYTHING,
    USUAL,
    container_of,
    containers_of,
    installer_of,
    pod_of,
    refusal,
    rendered,
)
from tests.support.charts.pods import environment
from tests.support.checkout import ROOT

ENABLED = {**USUAL, "devicePlugin": {"enabled": True}}
INSTALLER = rendered(ENABLED).installers[0]
PLUGIN = container_of(INSTALLER, "device-plugin")


def mount_at(path: str) -> dict[str, Any]:
    (found,) = (mount for mount in PLUGIN["volumeMounts"] if mount["mountPath"] == path)
    return dict(found)


def volume_at(path: str) -> dict[str, Any]:
    (found,) = (volume for volume in pod_of(INSTALLER)["volumes"] if volume["name"] == mount_at(path)["name"])
    return dict(found)


def test_it_starts_after_the_installation_and_ends_with_the_driver() -> None:
    pod = pod_of(INSTALLER)

    assert [container["name"] for container in pod["initContainers"]] == ["install"]
    assert [container["name"] for container in pod["containers"]] == ["driver", "device-plugin"]


def test_each_installer_has_it_and_nothing_else_runs_it() -> None:
    chart = rendered(EVERYTHING)
    running = [d for d in chart.all("DaemonSet") if any(c["name"] == "device-plugin" for c in containers_of(d))]

    assert running == chart.installers


def test_without_installers_it_does_not_run() -> None:
    found = rendered({"devicePlugin": {"enabled": True, "config": {"version": "v1"}}})

    assert {one["kind"] for one in found.objects} == {"ServiceAccount", "NetworkPolicy", "Pod"}


def test_it_is_off_by_default() -> None:
    assert [c["name"] for c in containers_of(rendered(USUAL).installers[0])] == ["install", "driver"]


def test_the_container_follows_the_link_to_the_driver_not_the_mount() -> None:
    told = environment(PLUGIN)
    volume = volume_at("/driver-root-parent")

    assert volume["hostPath"] == {"path": "/opt/nvidia"}
    assert mount_at("/driver-root-parent")["readOnly"] is True
    assert told["NVIDIA_DRIVER_ROOT"] == "/opt/nvidia/current"
    assert told["DRIVER_ROOT_CTR_PATH"] == "/driver-root-parent/current"


def test_another_folder_of_drivers_is_where_the_plugin_looks() -> None:
    found = rendered({**ENABLED, "installRoot": "/var/lib/nvidia"}).installers[0]
    volumes = {volume["name"]: volume for volume in pod_of(found)["volumes"]}

    assert environment(container_of(found, "device-plugin"))["NVIDIA_DRIVER_ROOT"] == "/var/lib/nvidia/current"
    assert volumes["drivers"]["hostPath"] == {"path": "/var/lib/nvidia"}


def test_its_own_cdi_specification_reaches_no_runtime() -> None:
    # NVIDIA/k8s-device-plugin, internal/cdi/cdi.go: cdiRoot is constant.
    assert volume_at("/var/run/cdi") == {"name": "plugin-cdi", "emptyDir": {}}
    assert environment(PLUGIN)["CDI_DISABLE_HOOKS"] == "all"


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        (ENABLED, "nvidia.com/gpu k8s.device-plugin.nvidia.com/gpu"),
        (USUAL, "nvidia.com/gpu"),
        ({**USUAL, "cdi": "off"}, "off"),
    ],
)
def test_the_installer_describes_the_devices_that_the_plugin_names(values: dict[str, object], kinds: str) -> None:
    # NVIDIA/k8s-device-plugin, cmd/nvidia-device-plugin/plugin-manager.go: the vendor is constant.
    for container in ("install", "driver"):
        assert environment(container_of(rendered(values).installers[0], container))["CDI_KINDS"] == kinds


def test_no_volume_of_the_pod_is_there_without_a_mount() -> None:
    for found in rendered(EVERYTHING).installers:
        mounted = {mount["name"] for container in containers_of(found) for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod_of(found)["volumes"]}


def test_the_kubelet_s_socket_is_where_the_values_say() -> None:
    plugin = {"enabled": True, "socketFolder": "/var/lib/k0s/kubelet/device-plugins"}
    volumes = {
        volume["name"]: volume
        for volume in pod_of(rendered({**USUAL, "devicePlugin": plugin}).installers[0])["volumes"]
    }

    assert volumes["plugins"]["hostPath"]["path"] == "/var/lib/k0s/kubelet/device-plugins"
    assert mount_at("/var/lib/kubelet/device-plugins")


@pytest.mark.parametrize("strategy", ["cdi-cri", "cdi-annotations"])
def test_old_kubelets_get_the_names_as_annotations(strategy: str) -> None:
    found = rendered({**USUAL, "devicePlugin": {"enabled": True, "deviceListStrategy": strategy}}).installers[0]

    assert environment(container_of(found, "device-plugin"))["DEVICE_LIST_STRATEGY"] == strategy


@pytest.mark.parametrize(("needed", "fails"), [(True, "true"), (False, "false")])
def test_a_node_that_needs_no_gpu_gets_a_plugin_that_waits(needed: bool, fails: str) -> None:
    found = rendered({**ENABLED, "requireGpu": needed}).installers[0]

    assert environment(container_of(found, "device-plugin"))["FAIL_ON_INIT_ERROR"] == fails


def test_another_configuration_is_another_pod() -> None:
    def annotation(strategy: str) -> str:
        config = {"version": "v1", "flags": {"migStrategy": strategy}}
        found = rendered({**USUAL, "devicePlugin": {"enabled": True, "config": config}}).installers[0]
        return str(found["spec"]["template"]["metadata"]["annotations"]["nvidia-installer/device-plugin"])

    assert annotation("mixed") != annotation("single")


def test_the_configuration_is_a_file_that_the_plugin_reads() -> None:
    config = {"version": "v1", "sharing": {"timeSlicing": {"resources": [{"name": "nvidia.com/gpu", "replicas": 4}]}}}
    chart = rendered({**USUAL, "devicePlugin": {"enabled": True, "config": config}})
    plugin = container_of(chart.installers[0], "device-plugin")
    path = environment(plugin)["CONFIG_FILE"]
    data = chart.one("ConfigMap", "nvidia-installer-device-plugin")["data"]

    assert yaml.safe_load(data[posixpath.basename(path)]) == config
    assert {"name": "plugin-config", "mountPath": posixpath.dirname(path), "readOnly": True} in plugin["volumeMounts"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"devicePlugin": {"enabled": True, "config": {"sharing": {"mps": {}}}}}, "use sharing.timeSlicing"),
        ({"devicePlugin": {"enabled": True}, "cdi": "off"}, "remove `cdi: off`"),
        ({"devicePlugin": {"enabled": True, "deviceListStrategy": "envvar"}}, "/devicePlugin/deviceListStrategy"),
        ({"devicePlugin": {"enabled": True, "updateStrategy": {}}}, "'updateStrategy' not allowed"),
    ],
)
def test_what_cannot_work_is_refused_with_a_way_out(values: dict[str, object], said: str) -> None:
    assert said in refusal({"installers": [installer_of(COMBINATIONS[0])], **values})


def test_images_of_the_values_are_watched_for_newer_versions() -> None:
    config = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())
    watched = {
        folder
        for update in config["updates"]
        if update["package-ecosystem"] == "docker"
        for folder in update["directories"]
    }
    charts = {
        f"/{path.parent.relative_to(ROOT)}"
        for path in (ROOT / "k8s").glob("*/values.yaml")
        if "image:" in path.read_text()
    }

    assert charts - {"/k8s/gpu-operator"} == watched
