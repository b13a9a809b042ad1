"""Measure `invoke coverage` and `invoke rehearse` on large fleets: `python -m benchmarks.coverage [NODES ...]`.

A fleet has five kernels, or a kernel for each node. Its nodes have 50 images each, as kubelet reports them. The CPU seconds of the
whole command, its table included, are compared with those of Python reading the same file as JSON. The fleet of a rehearsal has 12
groups, which differ in kernel, GPU and driver.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.cluster_nodes import KERNEL, as_list, node
from tests.support.rehearsal_fleet import fleet

ROOT = Path(__file__).resolve().parents[1]
_NODES = (1_000, 10_000)
_IMAGES = 50
_READ = "import json, sys; json.load(open(sys.argv[1], 'rb'))"
_TIMES = 3
_GROUPS = 12


def write_fleet(file: Path, nodes: int, kernels: int) -> None:
    """Write a fleet of nodes with a number of kernels, as `kubectl get nodes -o json` prints it."""
    names = [f"registry.example.org/team/image-{number}" for number in range(_IMAGES)]
    images = [{"names": [f"{name}@sha256:{'0' * 64}", f"{name}:1"], "sizeBytes": 123_456_789} for name in names]
    fleet = [node(f"gpu-{number}", kernel=f"6.1.0-{number % kernels}-cloud-amd64") for number in range(nodes)]
    for member in fleet:
        member["status"]["images"] = images
    file.write_bytes(as_list(*fleet))


def cpu_seconds(*command: str) -> float:
    """Return the least CPU seconds of several runs of a command, since other processes only add to them."""
    found = []
    for _ in range(_TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(found)


def rehearsal_seconds(nodes: int) -> float:
    """Return the CPU seconds of a rehearsal that asks no server and keeps no record in the cache of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "nodes.json"
        file.write_bytes(fleet(nodes, [KERNEL, "6.1.0-99-cloud-amd64"], _GROUPS))
        cache = ("--cache-dir", f"{folder}/cache")
        return cpu_seconds(sys.executable, "-m", "invoke", "rehearse", "--offline", "--nodes", str(file), *cache)


def main() -> None:
    """Print a line of JSON for each fleet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nodes", nargs="*", type=int, default=_NODES)
    for nodes in parser.parse_args().nodes:
        for kernels in (5, nodes):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "nodes.json"
                write_fleet(file, nodes, kernels)
                ours = cpu_seconds(sys.executable, "-m", "invoke", "coverage", "--nodes", str(file))
                json_alone = cpu_seconds(sys.executable, "-c", _READ, str(file))
                row = {"nodes": nodes, "kernels": kernels, "megabytes": file.stat().st_size // 10**6}
            print(json.dumps({**row, "ours": ours, "json": json_alone, "ratio": round(ours / json_alone, 1)}))
        print(json.dumps({"nodes": nodes, "groups": _GROUPS, "rehearsal": rehearsal_seconds(nodes)}))


if __name__ == "__main__":
    main()
