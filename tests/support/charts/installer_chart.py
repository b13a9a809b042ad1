"""The installer chart, rendered for the default matrix, and its parts by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from lifecycle.kubernetes.manifests import CHART, NAMESPACE
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.tools.helm import ChartRefusedError, render
from tests.support.checkout import ROOT

RELEASE = "nvidia-installer"
DIGEST = "sha256:" + "0123456789abcdef" * 4
PROJECT = load_locked_project(ROOT)
COMBINATIONS = PROJECT.matrix.combinations


def installer_of(combination: Combination, **more: object) -> dict[str, object]:
    """Return the values of a combination's installer."""
    image = {"repository": "registry.example.org/system-services/nvidia-installer", "digest": DIGEST}
    names = {"release": combination.release, "driver": combination.branch, "version": combination.driver}
    return {**names, "image": image, **more}


# What the chart asks of a public key is its first line.
SIGNED: Mapping[str, object] = {
    "enabled": True,
    "image": {"repository": "registry.example.org/tools/cosign", "digest": DIGEST},
    "publicKey": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n",
}
# All that can be switched on is.
EVERYTHING: Mapping[str, object] = {
    "installers": [installer_of(combination) for combination in COMBINATIONS],
    "updateStrategy": {"type": "RollingUpdate", "maxUnavailable": "10%"},
    "onTermination": "uninstall",
    "moduleParameters": {"nvidia": ["NVreg_EnableGpuFirmware=0", 'NVreg_RegistryDwords="a=1"'], "nvidia-uvm": ["x=1"]},
    "env": {"POLL_SECONDS": 2},
    "reports": {"metrics": {"enabled": True}, "nodeFeatures": {"enabled": True}},
    "imagePullSecrets": [{"name": "registry"}],
    "podAnnotations": {"a": "b"},
    "podLabels": {"c": "d"},
    "nodes": {"selector": {"worker.gardener.cloud/pool": "infer-s-v1"}},
    "daemonSetLabels": {"e": "f"},
    "namespace": {"priorityQuota": 500},
    "prePull": {"enabled": True},
    "monitoring": {"alerts": {"enabled": True, "labels": {"release": "prometheus"}}, "dashboard": {"enabled": True}},
    "startupTaint": {
        "enabled": True,
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    },
    "devicePlugin": {"enabled": True, "config": {"version": "v1", "sharing": {"timeSlicing": {"resources": []}}}},
    "signedImages": {**SIGNED, "registrySecret": "registry", "certificates": "authorities", "env": {"NO_PROXY": "a"}},
    "verification": {"command": ["nvidia-smi"], "nodeSelector": {"gpu": "nvidia"}},
}
USUAL: Mapping[str, object] = {"installers": [installer_of(combination) for combination in COMBINATIONS]}


@dataclass(frozen=True)
class Rendered:
    """The objects of a rendered chart."""

    objects: Sequence[dict[str, Any]]

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Return the objects of a kind."""
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str, name: str) -> dict[str, Any]:
        """Return the only object of a kind and a name."""
        (found,) = (found for found in self.all(kind) if found["metadata"]["name"] == name)
        return found

    @property
    def installers(self) -> list[dict[str, Any]]:
        """Return the installers' DaemonSets."""
        return self.component("installer")

    def component(self, name: str) -> list[dict[str, Any]]:
        """Return the objects of a component that create pods."""
        kinds = ("DaemonSet", "Deployment")
        return [
            found
            for kind in kinds
            for found in self.all(kind)
            if found["metadata"]["labels"]["app.kubernetes.io/component"] == name
        ]


def rendered(values: Mapping[str, object]) -> Rendered:
    """Render the installer chart with values."""
    return Rendered(render(ROOT / CHART, values, name=RELEASE, namespace=NAMESPACE))


def refusal(values: Mapping[str, object]) -> str:
    """Return the error of the installer chart for values that it refuses."""
    with pytest.raises(ChartRefusedError) as caught:
        rendered(values)
    return str(caught.value)


def pod_of(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the pod specification of a Pod, or of an object that creates pods."""
    spec: Mapping[str, Any] = found["spec"] if found["kind"] == "Pod" else found["spec"]["template"]["spec"]
    return spec


def containers_of(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return all containers of an object's pod, init containers included."""
    return [*pod_of(found).get("initContainers", []), *pod_of(found)["containers"]]


def container_of(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a container of an object's pod by its name."""
    (container,) = (container for container in containers_of(found) if container["name"] == name)
    return container
