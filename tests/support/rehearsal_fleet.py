"""A made-up fleet for rehearsals: groups of nodes with several kernels, GPUs and drivers, as kubectl prints them."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.support.cluster_nodes import as_list, node

_DEVICES = ("2330", "20b0", "1db6", "2901")
_DRIVERS = ("535.309.01", "550.163.01", "535.261.03")
_PCI = "feature.node.kubernetes.io/pci-0302_10de_{}.present"
_OWN = "feature.node.kubernetes.io/nvidia-installer.driver-version"


def fleet(nodes: int, kernels: Sequence[str], groups: int = 12) -> bytes:
    """Return a fleet of nodes in some groups, which differ in kernel, GPU and driver."""
    kinds = [kind for _, kind in zip(range(groups), _kinds(kernels), strict=False)]
    return as_list(*(node(f"gpu-{n:05}", **kinds[n % groups]) for n in range(nodes)))


def _kinds(kernels: Sequence[str]) -> Iterator[dict[str, Any]]:
    for driver in _DRIVERS:
        for device in _DEVICES:
            for kernel in kernels:
                labels = {"gpu": "nvidia", _PCI.format(device): "true", _OWN: driver}
                yield {"kernel": kernel, "labels": labels}
