"""Tests of the installer's workloads against the rules of a policy engine; each exception has its reason."""

import pytest

from tests.support.charts.installer_chart import EVERYTHING, USUAL, rendered
from tests.support.charts.pod_policy import RULES

_LOADS = "it loads kernel modules, makes device files and runs NVIDIA's daemons"
_DEVICES = "it opens the GPUs' device files and writes CDI specifications for the container runtime"
# By workload, rule and what the rule found.
EXCEPTIONS = {
    ("installer", "runs privileged", "install"): _LOADS,
    ("installer", "runs privileged", "driver"): _LOADS,
    ("installer", "shares the host's processes", "hostPID"): "it names the processes that hold a driver in use",
    (
        "installer",
        "mounts the host",
        "/",
    ): "it installs there, registers libraries, tells readiness; the folders are values",
    ("installer", "mounts the host", "/dev"): "all containers of the node need the driver's device files",
    ("device-plugin", "runs privileged", "device-plugin"): _DEVICES,
    ("device-plugin", "mounts the host", "/var/lib/kubelet/device-plugins"): "the kubelet's socket is there",
    ("device-plugin", "mounts the host", "/var/run/cdi"): "container runtimes look for devices there",
    ("device-plugin", "mounts the host", "/opt/nvidia/current"): "the driver that is installed there",
    ("installer", "tolerates all taints", "Exists"): "without a driver a GPU node is of no use, whatever its taints",
    ("device-plugin", "tolerates all taints", "Exists"): "as the installer, whose nodes it serves",
    ("verification", "tolerates all taints", "Exists"): "GPU nodes are tainted for GPU jobs, which it is one of",
    ("device-plugin", "has no probe", "device-plugin"): "the kubelet sees its socket, and it ends when it fails",
    (
        "installer",
        "has no probe",
        "driver",
    ): "a failed liveness probe runs preStop, which may uninstall; wait repairs the driver",
    ("verification", "has no probe", "verification"): "it runs to its end",
    ("verification", "is no system pod", "priorityClassName"): "it must not push jobs off a node",
    ("verification", "has no memory limit", "verification"): "what it needs is its image's, and values can say it",
}


WORKLOADS = [
    found
    for values in (USUAL, EVERYTHING)
    for found in rendered(values).objects
    if found["kind"] in ("DaemonSet", "Pod")
]


def findings() -> set[tuple[str, str, str]]:
    return {
        (str(found["metadata"]["labels"]["app.kubernetes.io/component"]), name, what)
        for found in WORKLOADS
        for name, rule in RULES.items()
        for what in rule(found)
    }


def test_what_a_policy_would_refuse_is_an_exception_with_a_reason() -> None:
    assert findings() - EXCEPTIONS.keys() == set()


def test_no_exception_is_written_down_for_nothing() -> None:
    assert EXCEPTIONS.keys() - findings() == set()


@pytest.mark.parametrize("kind", ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Secret", "Service"])
def test_the_chart_asks_for_no_rights_keeps_no_secret_and_serves_nothing(kind: str) -> None:
    assert [found for values in (USUAL, EVERYTHING) for found in rendered(values).all(kind)] == []


def test_the_pods_of_the_installer_have_no_network() -> None:
    (policy,) = rendered(USUAL).all("NetworkPolicy")
    labels = rendered(USUAL).installers[0]["spec"]["template"]["metadata"]["labels"]

    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & policy["spec"].keys()
