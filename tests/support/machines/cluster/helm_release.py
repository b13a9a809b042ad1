"""The chart as a Helm release, managed by the real Helm library from the Python package helm_python."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import helm_python

from lifecycle.kubernetes.manifests import CHART, NAMESPACE
from tests.support.checkout import ROOT
from tests.support.machines.cluster.cluster import Cluster, Object, container_status, is_ready
from tests.support.machines.cluster.published_images import Published

NAME = "nvidia-installer"
OS_RELEASE = "debian-13"
GPU_LABELS = {"gpu": "nvidia"}
OTHER_LABELS = {**GPU_LABELS, "os-version": OS_RELEASE}
LABELS = ("gpu", "os-version", "nvidia-driver")
# Exit codes of docs/reference/node.md.
WRONG_KERNEL, IN_USE, NO_GPU, GONE = 10, 21, 22, 32
# Tests wait for these; a node has time.
QUICK = {"readinessProbe": {"periodSeconds": 1, "timeoutSeconds": 20, "failureThreshold": 2}}


def labels_for(branch: str) -> dict[str, str]:
    """Return the labels of a node on which a branch's driver is to be installed."""
    return {**OTHER_LABELS, "nvidia-driver": branch}


@dataclass(frozen=True)
class Release:
    """A release of the chart of `invoke manifests`; `env` tells the installers the paths of their host.

    `defaults` are values of every revision.
    """

    cluster: Cluster
    env: Mapping[str, str]
    namespace: str = NAMESPACE
    defaults: Mapping[str, object] = field(default_factory=lambda: QUICK)

    @contextmanager
    def _helm(self) -> Iterator[Any]:
        with helm_python.Config(kubeconfig_path=str(self.cluster.kubeconfig), namespace=self.namespace) as config:
            yield config

    def values(self, *images: Published, **more: object) -> dict[str, object]:
        """Return the chart's values for installers with these images."""
        return {
            **self.defaults,
            "env": dict(self.env),
            "installers": [image.installer(image.release or OS_RELEASE) for image in images],
            **more,
        }

    def install(self, *images: Published, **more: object) -> None:
        with self._helm() as helm:
            helm.install(ROOT / CHART, NAME, self.values(*images, **more), namespace=self.namespace)

    def upgrade(self, *images: Published, **more: object) -> None:
        with self._helm() as helm:
            helm.upgrade(ROOT / CHART, NAME, self.values(*images, **more), namespace=self.namespace)

    def rollback(self) -> None:
        """Roll back to the previous revision."""
        with self._helm() as helm:
            helm.rollback(NAME)

    def test(self) -> str:
        """Run the chart's test pod, and return its output; raise helm_python's error if it fails."""
        with self._helm() as helm:
            helm.test(NAME, timeout=int(self.cluster.seconds))
        return self.cluster.logs(self.namespace, f"{NAME}-verification", "verification")

    def uninstall(self) -> None:
        """Uninstall the release, and wait until its pods are deleted."""
        with self._helm() as helm:
            helm.uninstall(NAME)
        self.cluster.wait(lambda: not self.pods(), "the installers' pods are gone")

    def clear(self) -> None:
        """Uninstall the release if it exists, and delete its pods by force, because the next test has another host."""
        with self._helm() as helm:
            helm.uninstall(NAME, ignore_not_found=True)
        words = ("pods", f"--namespace={self.namespace}", f"--selector=app.kubernetes.io/instance={NAME}")
        self.cluster.kubectl("delete", *words, "--force", "--grace-period=0")

    def pods(self, selector: str = "") -> list[Object]:
        return self.cluster.pods(self.namespace, selector)

    def pod_of(self, image: Published, *, other_than: str = "") -> Object:
        """Wait for a ready pod with an image whose uid is not `other_than`, and return the pod."""

        def fitting() -> Object:
            found = [
                pod
                for pod in self.pods()
                if pod["spec"]["containers"][0]["image"] == image.reference
                and is_ready(pod)
                and pod["metadata"]["uid"] != other_than
            ]
            return found[0] if found else {}

        return self.cluster.wait(fitting, f"a ready pod with {image.reference}")

    def delete(self, pod: Object) -> None:
        """Delete a pod, and wait until it is deleted."""
        self.cluster.kubectl("delete", "pod", f"--namespace={self.namespace}", str(pod["metadata"]["name"]))

    def daemonset(self, branch: str) -> Object:
        return self.cluster.get("daemonset", f"--namespace={self.namespace}", f"{NAME}-{OS_RELEASE}-{branch}")

    def is_observed(self, branch: str) -> bool:
        """Return whether the controller has observed the current generation of an installer's DaemonSet."""
        found = self.daemonset(branch)
        return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])

    def refusal(self, code: int) -> Object:
        """Wait for an installer that ends with an exit code, and return its terminated state from the pod's status."""
        return self.end("install", code)

    def end(self, container: str, code: int) -> Object:
        """Wait for a container that ends with an exit code, and return its terminated state from the pod's status."""

        def look() -> Object:
            statuses = [container_status(pod, container) for pod in self.pods()]
            ends = [status.get(key, {}).get("terminated", {}) for status in statuses for key in ("state", "lastState")]
            return next((dict(end) for end in ends if end.get("exitCode") == code), {})

        return self.cluster.wait(look, f"a container {container} that ends with {code}")

    def event(self, pod: Object, reason: str) -> Object:
        """Wait for an event of a pod with a reason, and return it; the pod may already be deleted."""
        fields = f"--field-selector=reason={reason},involvedObject.uid={pod['metadata']['uid']}"
        words = ("events", f"--namespace={self.namespace}", fields)
        return dict(self.cluster.wait(lambda: self.cluster.get(*words)["items"], f"an event {reason}")[0])

    def objects(self) -> set[str]:
        """Return the kind and name of all objects in the namespace that a chart creates or that Helm keeps."""
        kinds = "daemonset,configmap,secret,serviceaccount,networkpolicy,pod,controllerrevision"
        return set(self.cluster.kubectl("get", kinds, f"--namespace={self.namespace}", "--output=name").split())
