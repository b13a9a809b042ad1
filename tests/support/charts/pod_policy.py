"""Rules that a policy engine holds workloads to."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.support.charts.installer_chart import containers_of, pod_of

Rule = Callable[[Mapping[str, Any]], Iterator[str]]


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


def last_words_in_dev(found: Mapping[str, Any]) -> Iterator[str]:
    for container in containers_of(found):
        mounts = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
        if "/dev" in mounts and container.get("terminationMessagePath", "/dev/termination-log").startswith("/dev/"):
            yield container["name"]


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
    "leaves a file in the host's /dev": last_words_in_dev,
}
