"""A client of the cluster for the tests: kubectl, its JSON output, and waiting for a condition."""

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
_Found = TypeVar("_Found")
Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running cluster: its kubectl, the administrator's kubeconfig, its folder, and the engine that builds images for it."""

    kubectl_program: Path
    kubeconfig: Path
    folder: Path
    engine: docker.DockerClient
    node: str = NODE
    # The longest wait of its methods, and the time between two looks, of which each starts kubectl.
    seconds: float = SECONDS
    interval: float = 0.2

    def kubectl(self, *words: str, stdin: str = "", check: bool = True) -> str:
        """Run kubectl and return its output; with `check`, raise AssertionError with its errors if it fails."""
        command = [str(self.kubectl_program), f"--kubeconfig={self.kubeconfig}", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    def get(self, *words: str) -> Object:
        """Return the JSON that `kubectl get` prints: an object, or, for a kind, a list of objects in `items`."""
        return dict(json.loads(self.kubectl("get", *words, "--output=json")))

    def nodes(self) -> list[Object]:
        return list(self.get("nodes")["items"])

    def offered(self, node: str, resource: str) -> str:
        """Return how much of a resource a node offers to pods; an empty string if it has never offered any."""
        return str(self.get("node", node)["status"]["allocatable"].get(resource, ""))

    def apply(self, *objects: Mapping[str, object]) -> None:
        """Create objects, or update them if they exist."""
        self.kubectl("apply", "--filename=-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    def label(self, node: str, labels: Mapping[str, str]) -> None:
        """Set labels of a node, and overwrite labels with the same names."""
        self.kubectl("label", "--overwrite", "node", node, *(f"{key}={value}" for key, value in labels.items()))

    def unlabel(self, node: str, *names: str) -> None:
        """Remove labels from a node; labels that it lacks are ignored."""
        self.kubectl("label", "node", node, *(f"{name}-" for name in names))

    def pods(self, namespace: str, selector: str = "") -> list[Object]:
        """Return the pods in a namespace that match a label selector."""
        return list(self.get("pods", f"--namespace={namespace}", f"--selector={selector}")["items"])

    def logs(self, namespace: str, pod: str, container: str) -> str:
        return self.kubectl("logs", f"--namespace={namespace}", pod, f"--container={container}")

    def wait(self, look: Callable[[], _Found], what: str, *, seconds: float | None = None) -> _Found:
        """Return the result of `look` once it is true; after `seconds`, raise AssertionError with the state."""
        limit = self.seconds if seconds is None else seconds
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(self.interval)
        raise AssertionError(f"after {limit} s still not: {what}\n{self.state()}")

    def ready_pod(self, namespace: str, selector: str, *, other_than: str = "") -> Object:
        """Wait for a ready pod whose uid is not `other_than`, and return it."""
        return self.wait(
            lambda: next(
                (p for p in self.pods(namespace, selector) if is_ready(p) and p["metadata"]["uid"] != other_than), {}
            ),
            f"a ready pod of {selector} in {namespace}",
        )

    def state(self) -> str:
        """Return the descriptions of the pods and the last events, for error messages."""
        pods = self.kubectl("describe", "pods", "--all-namespaces", check=False)
        events = self.kubectl("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp", check=False)
        return f"{pods[-6000:]}\n{events[-4000:]}"


def is_ready(thing: Mapping[str, Any]) -> bool:
    """Return whether a pod or a node has the condition Ready and is not being deleted."""
    conditions = {c["type"]: c["status"] for c in thing["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in thing["metadata"]


def container_status(pod: Mapping[str, Any], name: str) -> Object:
    """Return the status of a pod's container or init container; {} if the pod does not report it yet."""
    status = pod["status"]
    both = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return next((found for found in both if found["name"] == name), {})
