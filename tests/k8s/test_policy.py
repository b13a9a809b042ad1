"""Tests of the installer's workloads against the rules of a policy engine; each exception has its reason."""

import pytest

from tests.support.charts.installer_chart import COMBINATIONS, EVERYTHING, USUAL, containers_of, pod_of, rendered
from tests.support.charts.pod_policy import RULES

_LOADS = "it loads kernel modules, makes device files and runs NVIDIA's daemons"
_API = "the kubelet restarts it when it ends, and it serves nobody"
# By workload, rule and what the rule found.
EXCEPTIONS = {
    ("installer", "runs privileged", "install"): _LOADS,
    ("installer", "runs privileged", "driver"): _LOADS,
    ("installer", "runs privileged", "device-plugin"): "it opens the GPUs' device files",
    ("installer", "shares the host's processes", "hostPID"): "it names the processes that hold a driver in use",
    (
        "installer",
        "mounts the host",
        "/",
    ): "it installs there, registers libraries, tells readiness; the folders are values",
    ("installer", "mounts the host", "/dev"): "all containers of the node need the driver's device files",
    ("installer", "mounts the host", "/var/lib/kubelet/device-plugins"): "the kubelet's socket is there",
    ("installer", "mounts the host", "/opt/nvidia"): "the device plugin reads the drivers that are installed there",
    ("installer", "tolerates all taints", "Exists"): "without a driver a GPU node is of no use, whatever its taints",
    ("pre-pull", "tolerates all taints", "Exists"): "as the installer, whose images it pulls",
    ("verification", "tolerates all taints", "Exists"): "GPU nodes are tainted for GPU jobs, which it is one of",
    ("installer", "has no probe", "device-plugin"): "the kubelet sees its socket, and it ends when it fails",
    (
        "installer",
        "has no probe",
        "driver",
    ): "a failed liveness probe runs preStop, which may uninstall; wait repairs the driver",
    ("pre-pull", "has no probe", "image"): "it does nothing",
    ("startup-taint", "has no probe", "startup-taint"): _API,
    ("startup-taint", "has a token for the API", "automountServiceAccountToken"): "it removes taints from nodes",
    ("startup-taint", "is no system pod", "priorityClassName"): "it is of the cluster, not of a node",
    ("verification", "has no probe", "verification"): "it runs to its end",
    ("pre-pull", "is no system pod", "priorityClassName"): "without it an upgrade is slower, and nothing else",
    ("verification", "is no system pod", "priorityClassName"): "it must not push jobs off a node",
    ("verification", "has no memory limit", "verification"): "what it needs is its image's, and values can say it",
}


WORKLOADS = [
    found
    for values in (USUAL, EVERYTHING)
    for found in rendered(values).objects
    if found["kind"] in ("DaemonSet", "Deployment", "Pod")
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
    without = {**EVERYTHING, "startupTaint": {"enabled": False}}

    assert [found for values in (USUAL, without) for found in rendered(values).all(kind)] == []


def test_no_pod_but_the_one_that_removes_taints_has_rights() -> None:
    chart = rendered(EVERYTHING)
    subjects = [
        s for kind in ("RoleBinding", "ClusterRoleBinding") for found in chart.all(kind) for s in found["subjects"]
    ]
    accounts = {pod_of(found).get("serviceAccountName") for found in WORKLOADS if found["kind"] == "DaemonSet"}

    assert {subject["name"] for subject in subjects} == {"nvidia-installer-startup-taint"}
    assert accounts == {"nvidia-installer"}


def test_that_pod_reads_pods_of_one_namespace_and_reads_and_patches_nodes() -> None:
    chart = rendered(EVERYTHING)
    rules = {found["kind"]: found["rules"] for kind in ("Role", "ClusterRole") for found in chart.all(kind)}

    assert rules == {
        "Role": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
        "ClusterRole": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "patch"]}],
    }


def test_pods_that_need_no_rights_have_no_user_and_no_capability() -> None:
    chart = rendered(EVERYTHING)
    contexts = [
        container["securityContext"]
        for component in ("pre-pull", "startup-taint")
        for found in chart.component(component)
        for container in containers_of(found)
    ]

    assert len(contexts) == len(COMBINATIONS) + 1
    assert all(context["runAsNonRoot"] and context["capabilities"] == {"drop": ["ALL"]} for context in contexts)


def test_the_pods_of_the_installer_have_no_network() -> None:
    (policy,) = rendered(USUAL).all("NetworkPolicy")
    labels = rendered(USUAL).installers[0]["spec"]["template"]["metadata"]["labels"]

    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & policy["spec"].keys()
