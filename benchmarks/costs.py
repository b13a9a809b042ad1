"""Write costs.yaml from what compiles of this machine took: `python -m benchmarks.costs [--cache-dir DIR]`.

`invoke build` writes down each compile's seconds below the cache. For a branch's whole number of questions it has to have
compiled that branch where no other driver's answers were there: in an empty cache, `--only` that branch.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import yaml

from lifecycle.build.timings import read_timings
from lifecycle.errors import InstallerError
from lifecycle.model.costs import COSTS, Costs, load_costs
from lifecycle.model.timings import Timing, costs_of
from lifecycle.tools.store import Store, default_cache_dir

ROOT = Path(__file__).resolve().parents[1]
_HEAD = """\
# Written by `python -m benchmarks.costs` from compiles that were timed: what `--shard` divides the matrix by.
# Seconds of one of conftest's questions and of one source file; only their ratio counts. By driver branch: questions
# of a kernel that nobody has asked before, `again` of one that another driver has, and files of each module type.
"""


def text_of(costs: Costs) -> str:
    """The file."""
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
    """Print how well the costs say what was timed."""
    print("| compile | timed | by costs.yaml |\n|---|---|---|")
    for timing in timings:
        said = costs.question * timing.asked + costs.file * timing.files
        print(f"| {timing.kernel}/{timing.driver} {'+'.join(timing.modules)} | {timing.seconds:.0f} s | {said:.0f} s |")


def main() -> None:
    """Read, compute, write and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description="Write costs.yaml.")
    parser.add_argument("--cache-dir", type=Path, default=default_cache_dir(os.environ), help="whose compiles")
    cache: Path = parser.parse_args().cache_dir
    path = ROOT / COSTS
    try:
        timings = read_timings(Store(cache))
        costs = costs_of(timings, load_costs(path) if path.exists() else None)
    except InstallerError as error:
        sys.exit(f"error: {error}")
    path.write_text(text_of(costs), encoding="utf-8")
    show(costs, timings)


if __name__ == "__main__":
    main()
