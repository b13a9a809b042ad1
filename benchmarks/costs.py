"""Measure the cost of compiles, and write costs.yaml: `python -m benchmarks.costs`.

Each driver is compiled for each kernel of the component, with an empty cache. Parallel compiles would slow each other down, so
there is one at a time. A different driver is the first for each kernel, because the first one asks all conftest questions.
`invoke compile` records the seconds in the cache.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from lifecycle.cache.cache import Cache
from lifecycle.config.costs import COSTS, Costs, load_costs
from lifecycle.errors import InstallerError
from lifecycle.pipeline.compile_timings import Timing, costs_of, read_timings
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix import Combination

ROOT = Path(__file__).resolve().parents[1]
_HEAD = """\
# `python -m benchmarks.costs` measures compile times and writes this file; `--shard` divides the matrix by it.
# `question` and `file` are the seconds of a conftest question and of a source file; only their ratio counts.
# Each branch has its questions for a new kernel, `again` for a kernel that another driver has asked, and source files.
"""


def compile_order(combinations: Sequence[Combination]) -> Iterator[Combination]:
    """Yield one combination per kernel and driver, kernel by kernel. Each kernel starts with the next driver."""
    kernels: dict[str, dict[str, Combination]] = {}
    for combination in combinations:
        kernels.setdefault(combination.kernel, {}).setdefault(combination.driver, combination)
    for number, drivers in enumerate(kernels.values()):
        ordered = list(drivers.values())
        first = number % len(ordered)
        yield from ordered[first:] + ordered[:first]


def measure_compiles(cache: Path) -> list[Timing]:
    """Compile all combinations one after the other, with this cache, and return the recorded timings.

    Raises CalledProcessError if a task fails, which has printed its error.
    """
    for combination in compile_order(load_locked_project(ROOT).matrix.combinations):
        command = [sys.executable, "-m", "invoke", "compile", "--only", combination.id, "--cache-dir", str(cache)]
        env = {**os.environ, "INVOKE_STORE_MODE": "off"}
        subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=True)
    return read_timings(Cache(cache))


def dump_costs(costs: Costs) -> str:
    """Return the text of costs.yaml."""
    seconds = {"question": float(f"{costs.question:.3g}"), "file": float(f"{costs.file:.3g}")}
    branches = {
        int(branch): {
            "questions": found.questions,
            "again": found.again,
            "files": {str(module_type): count for module_type, count in found.files.items()},
        }
        for branch, found in costs.branches.items()
    }
    lines = yaml.safe_dump({**seconds, "branches": branches}, sort_keys=False, default_flow_style=None, width=100)
    return _HEAD + lines


def show(costs: Costs, timings: Iterable[Timing]) -> None:
    """Print the measured seconds beside those by costs.yaml."""
    print("| compile | measured | by costs.yaml |\n|---|---|---|")
    for timing in timings:
        estimate = costs.question * timing.asked + costs.file * timing.files
        print(
            f"| {timing.kernel}/{timing.driver} {'+'.join(timing.modules)} | {timing.seconds:.0f} s | {estimate:.0f} s |"
        )


def main() -> None:
    """Measure, write costs.yaml and print the comparison."""
    argparse.ArgumentParser(
        prog="python -m benchmarks.costs", description="Measure compile times and write costs.yaml."
    ).parse_args()
    path = ROOT / COSTS
    try:
        with tempfile.TemporaryDirectory(prefix="nvidia-costs-", dir="/var/tmp") as cache:
            timings = measure_compiles(Path(cache))
        costs = costs_of(timings, load_costs(path) if path.exists() else None)
    except (InstallerError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
    path.write_text(dump_costs(costs), encoding="utf-8")
    show(costs, timings)


if __name__ == "__main__":
    main()
