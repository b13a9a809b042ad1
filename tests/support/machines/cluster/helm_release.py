"""The chart as a release of Helm: a real Helm, of the Python package that brings its library."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import helm_python

from lifecycle.kubernetes.manifests import CHART, NAMESPACE
from tests.support.checkout import ROOT
from tests.support.machines.cluster.cluster import Cluster, Object, container_status, is_ready
from tests.support.machines.cluster.published_images import Published

NAME = "nvidia-installer"
OS_RELEASE = "debian-13"
OTHER_LABELS = {"gpu": "nvidia", "os-version": OS_RELEASE}
LABELS = ("gpu", "os-version", "nvidia-driver")
# Exit codes of docs/reference/node.md.
WRONG_KERNEL, IN_USE, NO_GPU, GONE = 10, 21, 22, 32
# Tests wait for these; a node has time.
_QUICK = {
    "startupProbe": {"periodSeconds": 1, "timeoutSeconds": 20, "failureThreshold": 60},
    "readinessProbe": {"periodSeconds": 1, "timeoutSeconds": 20, "failureThreshold": 2},
}


def labels_for(branch: str) -> dict[str, str]:
    """The labels of a node that is to get a driver of a branch."""
    return {**OTHER_LABELS, "nvidia-driver": branch}


@dataclass(frozen=True)
class Release:
    """The chart where `invoke manifests` has it, with an environment that the installers find their host by."""

    cluster: Cluster
    env: Mapping[str, str]
    namespace: str = NAMESPACE

    @contextmanager
    def _helm(self) -> Iterator[Any]:
        with helm_python.Config(kubeconfig_path=str(self.cluster.kubeconfig), namespace=self.namespace) as config:
            yield config

    def values(self, *images: Published, **more: object) -> dict[str, object]:
        """The chart's values for installers with these images."""
        return {
            **_QUICK,
            "env": dict(self.env),
            "installers": [image.installer(OS_RELEASE) for image in images],
            **more,
        }

    def install(self, *images: Published, **more: object) -> None:
        with self._helm() as helm:
            helm.install(ROOT / CHART, NAME, self.values(*images, **more), namespace=self.namespace)

    def upgrade(self, *images: Published, **more: object) -> None:
        with self._helm() as helm:
            helm.upgrade(ROOT / CHART, NAME, self.values(*images, **more), namespace=self.namespace)

    def rollback(self) -> None:
        """Go back to the revision before."""
        with self._helm() as helm:
            helm.rollback(NAME)

    def uninstall(self) -> None:
        """Take all of it away, and wait until its pods are gone."""
        with self._helm() as helm:
            helm.uninstall(NAME)
        self.cluster.wait(lambda: not self.pods(), "the installers' pods are gone")

    def clear(self) -> None:
        """Take away what there is, pods that have not ended included: the next test has another host."""
        with self._helm() as helm:
            helm.uninstall(NAME, ignore_not_found=True)
        words = ("pods", f"--namespace={self.namespace}", f"--selector=app.kubernetes.io/instance={NAME}")
        self.cluster.kubectl("delete", *words, "--force", "--grace-period=0")

    def pods(self, selector: str = "") -> list[Object]:
        return self.cluster.pods(self.namespace, selector)

    def pod_of(self, image: Published, *, other_than: str = "") -> Object:
        """Wait for the ready pod that installs an image, and is not the one with an uid."""

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
        """Delete a pod, and wait until it is gone."""
        self.cluster.kubectl("delete", "pod", f"--namespace={self.namespace}", str(pod["metadata"]["name"]))

    def daemonset(self, branch: str) -> Object:
        return self.cluster.get("daemonset", f"--namespace={self.namespace}", f"{NAME}-{OS_RELEASE}-{branch}")

    def is_observed(self, branch: str) -> bool:
        """Whether the controller has seen to an installer's DaemonSet as it is now."""
        found = self.daemonset(branch)
        return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])

    def refusal(self, code: int) -> Object:
        """Wait for an installer that ends with a code, and return what Kubernetes says of its end."""
        return self.end("install", code)

    def end(self, container: str, code: int) -> Object:
        """Wait for a container that ends with a code, and return what Kubernetes says of its end."""

        def look() -> Object:
            statuses = [container_status(pod, container) for pod in self.pods()]
            ends = [status.get(key, {}).get("terminated", {}) for status in statuses for key in ("state", "lastState")]
            return next((dict(end) for end in ends if end.get("exitCode") == code), {})

        return self.cluster.wait(look, f"a container {container} that ends with {code}")

    def event(self, pod: Object, reason: str) -> Object:
        """Wait for an event of a pod, which may be gone by now."""
        fields = f"--field-selector=reason={reason},involvedObject.uid={pod['metadata']['uid']}"
        words = ("events", f"--namespace={self.namespace}", fields)
        return dict(self.cluster.wait(lambda: self.cluster.get(*words)["items"], f"an event {reason}")[0])

    def objects(self) -> set[str]:
        """All objects of the namespace that a chart makes, by kind and name, and what Helm keeps."""
        kinds = "daemonset,configmap,secret,serviceaccount,networkpolicy,pod,controllerrevision"
        return set(self.cluster.kubectl("get", kinds, f"--namespace={self.namespace}", "--output=name").split())
