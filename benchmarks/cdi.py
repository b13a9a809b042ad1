"""Compare the start of containers without a GPU, with our CDI specification, and with a hook.

Run `python -m benchmarks.cdi [--runs N]` as root, after `invoke build`. Our specification mounts each library under all of its
names. The other one mounts each once, and calls a hook that makes the links and the cache with `ldconfig`, as NVIDIA's toolkit
does. podman of Debian 13 runs `bash -c "exit 0"` in each, in turn. The image has few libraries, so the hook has little work. The
figures are the medians in milliseconds of wall time, and divided by those without a GPU: quote the ratios.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.machines.engine_root import EngineRoot, engine_root
from tests.support.machines.engine_workload import add_specifications, driver_node, make_workload, podman_in
from tests.support.machines.node_host import Node

OURS, HOOKED = "nvidia.com/gpu", "hook.example/gpu"
HOOK = """\
#!/bin/bash
PATH=/usr/sbin:/usr/bin
read -r -d '' state
bundle=$(sed -n 's/.*"bundle":"\\([^"]*\\)".*/\\1/p' <<<"$state")
root=$(sed -n 's/.*"root":{"path":"\\([^"]*\\)".*/\\1/p' "$bundle/config.json")
exec ldconfig -r "$root"
"""


def add_hooked_specification(root: EngineRoot, node: Node) -> None:
    """Write a specification with one mount a library and a hook, made from ours."""
    spec = json.loads(root.run("cat", "/run/cdi/nvidia-installer.nvidia.com-gpu.json"))
    edits, ours = spec["containerEdits"], spec["containerEdits"]["mounts"]
    edits["mounts"] = [
        mount
        for mount in ours
        if not mount["containerPath"].startswith("/usr/lib64/")
        and not (node.host / mount["hostPath"].lstrip("/")).is_symlink()
    ]
    edits["hooks"] = [{"hookName": "createContainer", "path": "/run/hook", "args": ["hook"]}]
    root.write("/run/hook", HOOK)
    root.run("chmod", "755", "/run/hook")
    root.write("/run/cdi/hooked.json", json.dumps({**spec, "kind": HOOKED}))
    print(f"ours: {len(ours)} mounts; hook: {len(edits['mounts'])} mounts")


def main() -> None:
    """Print a line for each kind of container: the median, and the ratio to containers without a GPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30, help="containers of each kind (default: %(default)s)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as scratch:
        node = driver_node(Path(scratch))
        with engine_root(node.drivers) as root:
            add_specifications(root, node)
            add_hooked_specification(root, node)
            run = podman_in(root, make_workload(root, Path(scratch)))
            kinds = {"no GPU": [], "ours": [f"--device={OURS}=all"], "hook": [f"--device={HOOKED}=all"]}
            for options in kinds.values():
                run(options, "probe", *(["libcuda.so.1"] if options else []))
            times: dict[str, list[float]] = {name: [] for name in kinds}
            for _ in range(runs):
                for name, options in kinds.items():
                    begin = time.perf_counter()
                    run(options, "bash", "-c", "exit 0")
                    times[name].append(1000 * (time.perf_counter() - begin))
    base = statistics.median(times["no GPU"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:8} {median:6.0f} ms   {median / base:.2f}")


if __name__ == "__main__":
    main()
