"""The commands of docs/runbook that ask the API server about all nodes, run with kubectl against a server on loopback."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.servers.node_api import NodeApi, node_api

PAGES = sorted((ROOT / "docs/runbook").glob("*.md"))
BLOCK = re.compile(r"^ *```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
# Words in capitals stand for names that a person fills in.
PLACEHOLDER = re.compile(r"\b(POD|NODE|UID|IMAGE|REFERENCE|CONTAINER|DEBUG-POD)\b")
# The first words of each command that is run, and the lines that it prints.
PRINTED = {
    ("README.md", "get pods"): [
        "gpu-a1\tinstall now=0 before= ",
        "gpu-a1\tinstall now=0 before= ",
        "gpu-a2\tinstall now= before=10 nvidia-installer: this node runs 6.1.0-57-cloud-amd64",
        "gpu-a3\tinstall now= before= ",
        "gpu-a4\tinstall now= before=24 nvidia-installer: nouveau is in use",
        "gpu-a5\tverify-image now= before=40 nvidia-installer: the image is not signed",
    ],
    ("pod-not-ready.md", "get pods"): [f"False\tgpu-a{number}\tpod-a{number}" for number in (2, 3, 4, 5)],
    ("wrong-kernel.md", "get nodes"): None,  # the whole output goes to `invoke coverage`
    ("module-not-loaded.md", "get pods"): ["gpu-a4  24"],
    ("image-refused.md", "get pods"): ["gpu-a5 40 nvidia-installer: the image is not signed"],
    ("registry-not-reached.md", "get pods"): ["gpu-a3 ErrImagePull rpc error: not found"],
    ("two-installers.md", "get pods"): ["gpu-a1"],
    ("disk-full.md", "get nodes"): ["True\tgpu-a2"],
    ("taint-stays.md", "get nodes"): ["gpu-a3\tstartup-taint.cluster-autoscaler.kubernetes.io/nvidia-driver"],
    ("gpu-not-in-a-pod.md", "get nodes"): ["NODE     GPUS", "gpu-a1   8", "gpu-a2   <none>", "gpu-a3   <none>"],
    ("rollout-stopped.md", "get nodes"): None,  # a selector alone
}


def pod(name: str, node: str, status: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "kube-system"}
    ready = {
        "type": "Ready",
        "status": str(not any("lastState" in s or "waiting" in s["state"] for s in status.values())),
    }
    statuses = [{"name": container, **found} for container, found in status.items()]
    about = {"conditions": [ready], "initContainerStatuses": statuses}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node}, "status": about}


def failed(code: int, message: str) -> dict[str, Any]:
    ended = {"terminated": {"exitCode": code, "message": f"nvidia-installer: {message}"}}
    return {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended}


@pytest.fixture
def api() -> Iterator[NodeApi]:
    """Yield a server with five nodes in five states, and a second installer on the first."""
    done = {"state": {"terminated": {"exitCode": 0}}}
    waiting = {"state": {"waiting": {"reason": "ErrImagePull", "message": "rpc error: not found"}}}
    with node_api() as server:
        server.pods = {
            "a1": pod("pod-a1", "gpu-a1", {"install": done}),
            "b1": pod("pod-b1", "gpu-a1", {"install": done}),
            "a2": pod("pod-a2", "gpu-a2", {"install": failed(10, "this node runs 6.1.0-57-cloud-amd64")}),
            "a3": pod("pod-a3", "gpu-a3", {"install": waiting}),
            "a4": pod("pod-a4", "gpu-a4", {"install": failed(24, "nouveau is in use")}),
            "a5": pod("pod-a5", "gpu-a5", {"verify-image": failed(40, "the image is not signed")}),
        }
        server.add_node("gpu-a1")
        server.add_node("gpu-a2")
        server.add_node("gpu-a3", "startup-taint.cluster-autoscaler.kubernetes.io/nvidia-driver")
        for name, node in server.nodes.items():
            pressure = {"type": "DiskPressure", "status": str(name == "gpu-a2")}
            gpus = {"nvidia.com/gpu": "8"} if name == "gpu-a1" else {}
            node["status"] = {"conditions": [pressure], "allocatable": gpus}
        yield server


def commands(page: Path) -> list[str]:
    """Return the commands of a page that list pods or nodes and need no names, with continued lines joined."""
    text = "".join(BLOCK.findall(page.read_text())).replace("\\\n", " ")
    found = re.findall(r"^ *\$ (kubectl .*)$", text, re.MULTILINE)
    return [line for line in found if re.search(r" get (pods|nodes) ", line) and not is_filled_in(line)]


def is_filled_in(line: str) -> bool:
    """Return whether a person has to write names into a command; the heading of a column is none."""
    return PLACEHOLDER.search(line.replace("columns=NODE", "")) is not None


CASES = [(page.name, line) for page in PAGES for line in commands(page)]


def test_each_listed_command_is_in_its_page() -> None:
    assert {(name, " ".join(re.findall(r"get \S+", line)[:1])) for name, line in CASES} == PRINTED.keys()


@pytest.mark.parametrize(("name", "line"), CASES, ids=[f"{name}-{number}" for number, (name, _) in enumerate(CASES)])
def test_a_command_about_all_nodes_prints_their_state(api: NodeApi, tmp_path: Path, name: str, line: str) -> None:
    api.write_kubeconfig(tmp_path / "kubeconfig")
    environ = {**os.environ, "KUBECONFIG": str(tmp_path / "kubeconfig"), "HOME": str(tmp_path)}
    expected = PRINTED[name, " ".join(re.findall(r"get \S+", line)[:1])]
    command = line.partition(" | invoke")[0]
    done = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert expected is None or done.stdout.splitlines() == expected
