"""The CDI specifications of a node under test."""

import json
from pathlib import Path
from typing import Any

from tests.support.machines.node_host import Node

UUID = "GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"
OTHER_UUID = "GPU-6e6ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"
OTHER = "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: []\n"
PLUGIN = "k8s.device-plugin.nvidia.com/gpu"


def gpu_information(minor: int, uuid: str) -> str:
    """Return what procfs says of a GPU."""
    return f"Model: \t\t NVIDIA H100\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n"


def set_gpu(node: Node, address: str, *, minor: int, uuid: str) -> None:
    folder = node.proc / "driver/nvidia/gpus" / address
    folder.mkdir(exist_ok=True)
    (folder / "information").write_text(gpu_information(minor, uuid))


def spec_file(node: Node, kind: str = "nvidia.com/gpu") -> Path:
    return node.host / f"var/run/cdi/nvidia-installer.{kind.replace('/', '-')}.json"


def other_file(node: Node, text: str, name: str = "nvidia.yaml") -> Path:
    """Write a specification of another program, as a whole, and return its path."""
    path = node.host / "var/run/cdi" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(text)
    return path.with_suffix(".new").rename(path)


def spec(node: Node, kind: str = "nvidia.com/gpu") -> dict[str, Any]:
    found = json.loads(spec_file(node, kind).read_text())
    assert isinstance(found, dict)
    return found


def devices(node: Node) -> dict[str, list[str]]:
    """Return the device files of each device in the specification by its name."""
    return {
        device["name"]: [entry["path"] for entry in device["containerEdits"]["deviceNodes"]]
        for device in spec(node)["devices"]
    }


def mounts(node: Node) -> dict[str, str]:
    """Return the path on the host of each mount by its path in the container."""
    found = spec(node)["containerEdits"]["mounts"]
    assert len({mount["containerPath"] for mount in found}) == len(found)
    return {mount["containerPath"]: mount["hostPath"] for mount in found}
