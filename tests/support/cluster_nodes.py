"""Nodes of a cluster as Kubernetes describes them."""

import json
from collections.abc import Mapping
from typing import Any

KERNEL = "6.1.0-56-cloud-amd64"


def node(
    name: str = "gpu-1",
    *,
    kernel: str = KERNEL,
    architecture: str = "amd64",
    system: str = "linux",
    labels: Mapping[str, str] | None = None,
    capacity: Mapping[str, str] | None = None,
    ready: str = "True",
    os_image: str = "Debian GNU/Linux 12 (bookworm)",
) -> dict[str, Any]:
    """Return a ready Node with a GPU, unless its labels are given."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"gpu": "nvidia"} if labels is None else dict(labels)},
        "status": {
            "capacity": {"cpu": "8", "memory": "32Gi", **(capacity or {})},
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}],
            "nodeInfo": {
                "kernelVersion": kernel,
                "osImage": os_image,
                "architecture": architecture,
                "operatingSystem": system,
            },
        },
    }


def as_list(*nodes: Mapping[str, Any], kind: str = "List") -> bytes:
    """Return nodes as `kubectl get nodes -o json` prints them."""
    return json.dumps({"apiVersion": "v1", "kind": kind, "items": nodes, "metadata": {"resourceVersion": ""}}).encode()
