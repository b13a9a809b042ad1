"""Measure our build against the plain loop: `python -m benchmarks [--out FILE] [SCENARIO ...]`.

Scenarios: one (cold, one combination), matrix (cold, all of them), unchanged (the same again), driver (one added),
bytes (of images and in a registry), node (what a starting node waits for). `matrix` has to be there for `unchanged` and
`bytes`. Seconds are of wall time on this machine at this time: quote the ratios.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import docker

from benchmarks.engine import image_bytes, private_engine, registry_bytes
from benchmarks.node import NodeBenchmark
from benchmarks.sides import Ours, Plain
from lifecycle.model.matrix import Combination
from lifecycle.model.project import Project, load_project
from lifecycle.sources.apt_setup import MachineArchives
from lifecycle.tools.store import Store, default_cache_dir
from tests.node.lab import Lab

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = ["one", "matrix", "unchanged", "driver", "bytes", "node"]
_PORTS = {"ours": 5901, "plain": 5902}


@dataclass
class Run:
    """One run of the benchmark: where it works, and what it has found, by scenario and side."""

    project: Project
    folder: Path
    stack: ExitStack
    found: dict[str, dict[str, float]] = field(default_factory=dict)
    theirs: dict[str, tuple[float, str]] = field(default_factory=dict)

    @cached_property
    def plain(self) -> Plain:
        """The plain side, its bases there."""
        engine = self.stack.enter_context(private_engine(self.folder / "engine-plain"))
        plain = Plain(project=self.project, machine=MachineArchives(), engine=engine)
        plain.import_bases(self.folder / "bases", sorted({c.release for c in self.combinations}))
        return plain

    @property
    def combinations(self) -> tuple[Combination, ...]:
        """The matrix."""
        return self.project.matrix().combinations

    def ours(self, name: str) -> Ours:
        """Our side, with an engine and a cache of its own, both empty."""
        engine = self.stack.enter_context(private_engine(self.folder / f"engine-{name}"))
        return Ours.prepare(ROOT, self.folder / name, engine)

    def note(self, scenario: str, side: str, value: float) -> None:
        """Write down a figure, seconds or bytes."""
        self.found.setdefault(scenario, {})[side] = round(value, 2)
        print(f"{scenario} {side}: {value:.1f}", file=sys.stderr, flush=True)

    def one(self) -> None:
        """Cold: one combination."""
        first = self.combinations[0]
        self.note("one", "ours", self.ours("one").build(only=first.id)[0])
        self.note("one", "plain", self.loop((first,)))

    def matrix(self, scenarios: list[str]) -> None:
        """Cold: all of them; then, asked for, the same again, and the bytes."""
        ours = self.ours("matrix")
        seconds, images = ours.build()
        self.note("matrix", "ours", seconds)
        self.note("matrix", "plain", self.loop(self.combinations))
        if "unchanged" in scenarios:
            self.note("unchanged", "ours", ours.build()[0])
            again = sum(self.plain.build(combination)[0] for combination in self.combinations)
            self.note("unchanged", "plain", again)
        if "bytes" in scenarios:
            self.bytes("ours", ours.engine, images)
            self.bytes("plain", self.plain.engine, [self.theirs[c.id][1] for c in self.combinations])

    def bytes(self, side: str, engine: str, references: list[str]) -> None:
        """Images on disk, and what a registry keeps of them."""
        self.note("image bytes", side, image_bytes(engine, references))
        folder = self.folder / f"registry-{side}"
        self.note("registry bytes", side, registry_bytes(engine, references, folder, _PORTS[side]))

    def driver(self) -> None:
        """A matrix without one driver is there; the driver is added."""
        added = self.combinations[0].declared_driver
        ours = self.ours("driver")
        ours.leave_out_driver(added)
        ours.build()
        ours.restore(ROOT)
        self.note("driver", "ours", ours.build()[0])
        self.note("driver", "plain", self.loop(tuple(c for c in self.combinations if c.declared_driver == added)))

    def node(self) -> None:
        """The driver unpacked, indexed and loaded on a node: our image from the engine that `invoke build` uses."""
        first = self.combinations[0]
        self.loop((first,))
        folder = self.folder / "node"
        folder.mkdir()
        engine = self.stack.enter_context(closing(docker.from_env()))
        lab = Lab(project=self.project, store=Store(default_cache_dir(os.environ)), engine=engine, folder=folder)
        image = self.theirs[first.id][1]
        NodeBenchmark(lab=lab, plain=self.plain, plain_image=image, combination=first, folder=folder).run(self.note)

    def loop(self, combinations: tuple[Combination, ...]) -> float:
        """The seconds of the plain loop over combinations; each is built once in a run."""
        for combination in combinations:
            if combination.id not in self.theirs:
                self.theirs[combination.id] = self.plain.build(combination)
                print(f"plain {combination.id}: {self.theirs[combination.id][0]:.1f}", file=sys.stderr, flush=True)
        return sum(self.theirs[combination.id][0] for combination in combinations)


def show(found: dict[str, dict[str, float]]) -> None:
    """Print the table."""
    print("| scenario | ours | plain | ours / plain |\n|---|---|---|---|")
    for scenario, sides in found.items():
        unit = "MB" if scenario.endswith("bytes") else "s"
        ours, plain = (sides[side] / (1e6 if unit == "MB" else 1) for side in ("ours", "plain"))
        print(f"| {scenario} | {ours:.1f} {unit} | {plain:.1f} {unit} | {ours / plain:.3f} |")


def main() -> None:
    """Parse the words, measure, write and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Our build against the plain loop.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "benchmarks.json", help="where the numbers go")
    options = parser.parse_args()
    unknown = sorted(set(options.scenarios) - set(SCENARIOS))
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}: there is {', '.join(SCENARIOS)}")
    scenarios = options.scenarios or SCENARIOS
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Not below /tmp where that is a small file system in memory: a run needs some 15 GB.
    with tempfile.TemporaryDirectory(prefix="nvidia-benchmark-", dir="/var/tmp") as folder, ExitStack() as stack:
        run = Run(load_project(ROOT), Path(folder), stack)
        if "one" in scenarios:
            run.one()
        if "matrix" in scenarios:
            run.matrix(scenarios)
        if "driver" in scenarios:
            run.driver()
        if "node" in scenarios:
            run.node()
    machine = {"cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"machine": machine, "found": run.found}, indent=1) + "\n")
    show(run.found)


if __name__ == "__main__":
    main()
