"""What a policy engine would ask of workloads, and each exception with its reason."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.k8s.chart import EVERYTHING, USUAL, containers_of, pod_of, rendered

Rule = Callable[[Mapping[str, Any]], Iterator[str]]
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
    ("verification", "has no probe", "verification"): "it runs to its end",
    ("verification", "is no system pod", "priorityClassName"): "it must not push jobs off a node",
    ("verification", "has no memory limit", "verification"): "what it needs is its image's, and values can say it",
}


def privileged(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (c["name"] for c in containers_of(found) if c.get("securityContext", {}).get("privileged"))


def unrestrained(found: Mapping[str, Any]) -> Iterator[str]:
    for container in containers_of(found):
        context = container.get("securityContext", {})
        if not context.get("privileged") and context.get("allowPrivilegeEscalation") is not False:
            yield container["name"]


def host_namespaces(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (key for key in ("hostPID",) if pod_of(found).get(key))


def host_network(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (key for key in ("hostNetwork", "hostIPC") if pod_of(found).get(key))


def host_paths(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (v["hostPath"]["path"] for v in pod_of(found).get("volumes", []) if "hostPath" in v)


def token(found: Mapping[str, Any]) -> Iterator[str]:
    if pod_of(found).get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken"


def floating(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        c["image"]
        for c in containers_of(found)
        if not re.search(r"(@sha256:[0-9a-f]{64}|:[^:/]*\d[^:/]*)$", c["image"])
    )


def no_memory_limit(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (c["name"] for c in containers_of(found) if "memory" not in c.get("resources", {}).get("limits", {}))


def no_probe(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (c["name"] for c in pod_of(found)["containers"] if not {"readinessProbe", "livenessProbe"} <= c.keys())


def no_system_pod(found: Mapping[str, Any]) -> Iterator[str]:
    if pod_of(found).get("priorityClassName") != "system-node-critical":
        yield "priorityClassName"


def all_taints(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (t["operator"] for t in pod_of(found).get("tolerations", []) if "key" not in t)


def secrets_in_environment(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (e["name"] for c in containers_of(found) for e in c.get("env", []) if "valueFrom" in e)


def elsewhere(found: Mapping[str, Any]) -> Iterator[str]:
    if found["metadata"].get("namespace") != "kube-system":
        yield str(found["metadata"].get("namespace"))


def last_words_lost(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (c["name"] for c in containers_of(found) if c.get("terminationMessagePolicy") != "FallbackToLogsOnError")


RULES: Mapping[str, Rule] = {
    "runs privileged": privileged,
    "may get more rights than it has": unrestrained,
    "shares the host's processes": host_namespaces,
    "shares the host's network": host_network,
    "mounts the host": host_paths,
    "has a token for the API": token,
    "pulls an image that anybody may move": floating,
    "has no memory limit": no_memory_limit,
    "has no probe": no_probe,
    "is no system pod": no_system_pod,
    "tolerates all taints": all_taints,
    "takes secrets into its environment": secrets_in_environment,
    "is in another namespace": elsewhere,
    "does not say why it failed": last_words_lost,
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
