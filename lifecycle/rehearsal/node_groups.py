"""Groups of nodes that are equal for a driver: kernel, OS release, GPUs, the driver now and the one that labels ask for. Pure.

A label that is missing or in another form leaves its value unknown. Nothing is inferred from another node.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from lifecycle.config.versions import DRIVER_BRANCH, DRIVER_EXACT
from lifecycle.kubernetes.node_objects import Pod
from lifecycle.kubernetes.node_reader import NodeSurvey
from lifecycle.kubernetes.nodes import ClusterNode

# The chart's default of `nodes.driverLabel`.
_WANTED = "nvidia-driver"
# scripts/node/lib/report/report-formats.sh writes the feature, and Node Feature Discovery puts its prefix before it.
_OWN = "feature.node.kubernetes.io/nvidia-installer.driver-version"
# GPU feature discovery: the names of today, and those before 0.15.
_DISCOVERED = "nvidia.com/cuda.driver-version.full"
_PARTS = (
    tuple(f"nvidia.com/cuda.driver-version.{part}" for part in ("major", "minor", "revision")),
    tuple(f"nvidia.com/cuda.driver.{part}" for part in ("major", "minor", "rev")),
)
# Node Feature Discovery with `device` among its deviceLabelFields. Without the class (03: a display controller) an id may be that
# of an NVSwitch or a sound device.
_DEVICE = re.compile(r"feature\.node\.kubernetes\.io/pci-030[02]_10de_(?!10de)([0-9a-f]{4})(?:_[0-9a-f]{4})*\.present")
_FAMILY, _PRODUCT = "nvidia.com/gpu.family", "nvidia.com/gpu.product"
_SHARE = re.compile(r"-(?:SHARED|MIG-.*)$")
# The labels of the chart's pods (k8s/nvidia-installer/templates/_helpers.tpl).
_COMPONENT, _VERSION = "app.kubernetes.io/component", "nvidia-installer/version"
_TAG = re.compile(r":([0-9]{3}\.[0-9]{2,3}(?:\.[0-9]{2})?)-[^/@:]+(?:@|$)")


@dataclass(frozen=True, kw_only=True)
class Gpus:
    """The GPUs of a node: the device ids if labels have them, or else the family and the product."""

    ids: tuple[str, ...] = ()
    family: str = ""
    product: str = ""

    def __str__(self) -> str:
        if self.ids:
            return ", ".join(f"10de:{device}" for device in self.ids)
        return " ".join(part for part in (self.product, f"({self.family})" if self.family else "") if part) or "unknown"


@dataclass(frozen=True, kw_only=True)
class NodeKind:
    """A kind of node. `driver` is the version now and `wanted` the version or branch in its label, "" if unknown."""

    node: ClusterNode
    gpus: Gpus
    driver: str
    wanted: str


def group_kinds(survey: NodeSurvey) -> dict[NodeKind, list[str]]:
    """Return the names of the nodes of each kind, in the order of the first node of a kind."""
    running = _pod_drivers(survey.pods)
    groups: dict[NodeKind, list[str]] = {}
    labels: Sequence[Mapping[str, str]] = survey.labels or [{}] * len(survey.nodes)
    for node, own in zip(survey.nodes, labels, strict=True):
        kind = NodeKind(
            node=ClusterNode(name="", kernel=node.kernel, architecture=node.architecture, release=node.release),
            gpus=read_gpus(own),
            driver=read_driver(own) or running.get(node.name, ""),
            wanted=_wanted(own),
        )
        groups.setdefault(kind, []).append(node.name)
    return groups


def read_gpus(labels: Mapping[str, str]) -> Gpus:
    """Return the GPUs that labels name."""
    found = {match[1] for key, value in labels.items() if value == "true" and (match := _DEVICE.fullmatch(key))}
    if found:
        return Gpus(ids=tuple(sorted(found)))
    return Gpus(family=labels.get(_FAMILY, "").lower(), product=_SHARE.sub("", labels.get(_PRODUCT, "")))


def read_driver(labels: Mapping[str, str]) -> str:
    """Return the version of the installed driver by labels; "" if none tells."""
    joined = (".".join(labels[part] for part in parts if labels.get(part)) for parts in _PARTS)
    found = (labels.get(_OWN, ""), labels.get(_DISCOVERED, ""), *joined)
    return next((version for version in found if DRIVER_EXACT.fullmatch(version)), "")


def _wanted(labels: Mapping[str, str]) -> str:
    value = labels.get(_WANTED, "")
    return value if DRIVER_BRANCH.fullmatch(value) or DRIVER_EXACT.fullmatch(value) else ""


def _pod_drivers(pods: Iterable[object]) -> dict[str, str]:
    """Return the driver of each node with a ready pod of an installer; a node with two of different versions has none."""
    found: dict[str, set[str]] = {}
    for value in pods:
        try:
            pod = Pod.model_validate(value)
        except ValidationError:
            continue
        if pod.metadata.labels.get(_COMPONENT) == "installer" and pod.is_ready:
            found.setdefault(pod.spec.node_name, set()).add(_pod_version(pod))
    return {node: versions.copy().pop() for node, versions in found.items() if len(versions) == 1}


def _pod_version(pod: Pod) -> str:
    tags = (match[1] for container in pod.spec.containers if (match := _TAG.search(container.image)))
    version = pod.metadata.labels.get(_VERSION, "")
    return version if DRIVER_EXACT.fullmatch(version) else next(tags, "")
