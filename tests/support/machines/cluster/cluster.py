"""The cluster as the tests see it: kubectl and its JSON, and the one way to wait."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import docker

from tests.support.machines.cluster.kubelet import NODE

# A pod's sandbox that the kubelet does not see end together with its last container waits for the next collection of garbage, once
# a minute, and the pod for its sandbox (kubelet 1.20, PodResourcesAreReclaimed; ContainerGCPeriod).
SECONDS = 180
_INTERVAL = 0.2
_Found = TypeVar("_Found")
Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One that runs: its kubectl, the file with which an administrator speaks to it, its files, and its node's engine."""

    kubectl_program: Path
    kubeconfig: Path
    folder: Path
    engine: docker.DockerClient
    node: str = NODE

    def kubectl(self, *words: str, stdin: str = "", check: bool = True) -> str:
        """What kubectl prints; raises AssertionError with its words if it fails."""
        command = [str(self.kubectl_program), f"--kubeconfig={self.kubeconfig}", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    def get(self, *words: str) -> Object:
        """What `kubectl get` finds, as data: an object, or, for a kind, a list of objects in `items`."""
        return dict(json.loads(self.kubectl("get", *words, "--output=json")))

    def nodes(self) -> list[Object]:
        return list(self.get("nodes")["items"])

    def apply(self, *objects: Mapping[str, object]) -> None:
        """Make objects, or change them."""
        self.kubectl("apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def label(self, node: str, labels: Mapping[str, str]) -> None:
        """Give a node labels, in place of those that it has of the same names."""
        self.kubectl("label", "--overwrite", "node", node, *(f"{key}={value}" for key, value in labels.items()))

    def unlabel(self, node: str, *names: str) -> None:
        """Take labels away from a node; those that it lacks are no obstacle."""
        self.kubectl("label", "node", node, *(f"{name}-" for name in names))

    def pods(self, namespace: str, selector: str = "") -> list[Object]:
        """The pods in a namespace that a label selector takes."""
        return list(self.get("pods", f"--namespace={namespace}", f"--selector={selector}")["items"])

    def logs(self, namespace: str, pod: str, container: str) -> str:
        return self.kubectl("logs", f"--namespace={namespace}", pod, f"--container={container}")

    def wait(self, look: Callable[[], _Found], what: str, *, seconds: float = SECONDS) -> _Found:
        """Return what is looked for as soon as it is there (not false); raises with what the cluster is at if it is not."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(_INTERVAL)
        raise AssertionError(f"after {seconds} s still not: {what}\n{self.state()}")

    def ready_pod(self, namespace: str, selector: str, *, other_than: str = "") -> Object:
        """Wait for a pod that is ready, and not the one with an uid."""
        return self.wait(
            lambda: next(
                (p for p in self.pods(namespace, selector) if is_ready(p) and p["metadata"]["uid"] != other_than), {}
            ),
            f"a ready pod of {selector} in {namespace}",
        )

    def state(self) -> str:
        """What a person would look at first: the pods, and the last events."""
        pods = self.kubectl("describe", "pods", "--all-namespaces", check=False)
        events = self.kubectl("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp", check=False)
        return f"{pods[-6000:]}\n{events[-4000:]}"


def is_ready(thing: Mapping[str, Any]) -> bool:
    """Whether a pod or a node says so of itself, and is not about to go."""
    conditions = {c["type"]: c["status"] for c in thing["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in thing["metadata"]


def container_status(pod: Mapping[str, Any], name: str) -> Object:
    """What a pod says of one of its containers, init containers included; {} while it says nothing."""
    status = pod["status"]
    both = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return next((found for found in both if found["name"] == name), {})
