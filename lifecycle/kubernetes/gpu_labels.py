"""The nodes with NVIDIA GPUs, told by their labels and capacity. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

# Labels that GPU nodes have, with any value but the words of _NO. Sources, in this order: this project's chart
# (nodes.required, nodes.driverLabel); NVIDIA's GPU feature discovery; Google's GKE, "About GPUs"; cluster-autoscaler for AWS.
_PRESENT = (
    *("gpu", "nvidia-driver"),
    *("nvidia.com/gpu.present", "nvidia.com/gpu.product", "nvidia.com/gpu.count"),
    "cloud.google.com/gke-accelerator",
    "k8s.amazonaws.com/accelerator",
)
_NO = frozenset({"false", "no", "none", "0", "amd", "intel"})
# Labels that name a maker. Sources: Azure's AKS, "Use GPUs"; Karpenter, "NodePools"; EKS Auto Mode.
_MAKERS = (
    *("accelerator", "kubernetes.azure.com/accelerator"),
    *("karpenter.k8s.aws/instance-gpu-manufacturer", "eks.amazonaws.com/instance-gpu-manufacturer"),
)
# Node Feature Discovery, "Feature labels", PCI: of the fields class, vendor and device, those of `deviceLabelFields`.
_FEATURE = re.compile(r"feature\.node\.kubernetes\.io/pci-(?:[0-9a-f]{4}_)?10de(?:_[0-9a-f]{4})*\.present")
# NVIDIA's device plugin: whole GPUs, shared ones (`gpu.shared`) and parts of them (`mig-1g.5gb`).
_RESOURCE = re.compile(r"nvidia\.com/(?:gpu(?:\.shared)?|mig-.+)")
# Pools of equal machines: Gardener, GKE, EKS, AKS.
_POOLS = (
    "worker.gardener.cloud/pool",
    "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup",
    "kubernetes.azure.com/agentpool",
)


def has_gpu(labels: Mapping[str, str], capacity: Iterable[str]) -> bool:
    """Return whether labels, or the names of resources in the capacity, say that a node has an NVIDIA GPU.

    A resource counts without a quantity too: kubelet reports 0 while the driver or the device plugin is missing.
    """
    return (
        any(_RESOURCE.fullmatch(resource) for resource in capacity)
        or any(key in labels and labels[key].lower() not in _NO for key in _PRESENT)
        or any(labels.get(key, "").lower().startswith("nvidia") for key in _MAKERS)
        or any(_FEATURE.fullmatch(key) and value == "true" for key, value in labels.items())
    )


def gpu_pools(nodes: Sequence[tuple[Mapping[str, str], Iterable[str]]]) -> frozenset[tuple[str, str]]:
    """Return the pools that contain a node with a GPU, by the labels and capacity of all nodes.

    A new node of such a pool has a GPU too, even if nothing has labelled it yet.
    """
    return frozenset(pool for labels, capacity in nodes if has_gpu(labels, capacity) for pool in pools_of(labels))


def pools_of(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Return the pools of a node: the label and its value."""
    return frozenset((key, labels[key]) for key in _POOLS if labels.get(key))
