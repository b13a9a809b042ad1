"""Compare the node's commands of two checkouts: `python -m benchmarks.node_commands OLD-CHECKOUT [--runs N]`.

The host, its kernel and its PCI bus are folders, as in tests/unit/scripts. A driver is installed with the scripts of each checkout;
then `status --quiet`, which probes call, and an `install` with nothing to do run in turn, once per checkout. The figures are the
medians in milliseconds of wall time, and new divided by old: quote the ratios.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from tests.support.machines.node_host import Node
from tests.support.machines.node_image import compile_modules, make_node

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {"status --quiet": ("status", "--quiet"), "install, nothing to do": ("install",)}


def installed_node(folder: Path, modules: Path, checkout: Path) -> Node:
    """Return a node in `folder` on which the scripts of a checkout have installed a driver."""
    folder.mkdir()
    node = make_node(folder, modules)
    done = node.run("install", program=program_of(checkout))
    if done.returncode:
        raise SystemExit(f"{checkout}: install failed: {done.stderr}")
    return node


def program_of(checkout: Path) -> Path:
    """Return the path of a checkout's installer."""
    return checkout / "scripts/node/nvidia-installer"


def milliseconds(node: Node, checkout: Path, command: tuple[str, ...]) -> float:
    """Return the wall time of one run. Raises SystemExit if the command fails."""
    begin = time.perf_counter()
    done = node.run(*command, program=program_of(checkout))
    elapsed = time.perf_counter() - begin
    if done.returncode:
        raise SystemExit(f"{checkout}: {' '.join(command)} failed: {done.stderr}")
    return 1000 * elapsed


def main() -> None:
    """Print a line for each command: the medians of both checkouts, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="another checkout, to compare with")
    parser.add_argument("--runs", type=int, default=30, help="runs of each command (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        modules = folder / "modules"
        modules.mkdir()
        compile_modules(modules)
        checkouts = {"old": options.old.resolve(), "new": ROOT}
        nodes = {name: installed_node(folder / name, modules, path) for name, path in checkouts.items()}
        for title, command in COMMANDS.items():
            times: dict[str, list[float]] = {name: [] for name in checkouts}
            for _ in range(options.runs):
                for name, path in checkouts.items():
                    times[name].append(milliseconds(nodes[name], path, command))
            old, new = (statistics.median(times[name]) for name in ("old", "new"))
            print(f"{title}: old {old:.0f} ms, new {new:.0f} ms, ratio {new / old:.2f}")


if __name__ == "__main__":
    main()
