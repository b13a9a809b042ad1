"""Measure `invoke build` against a loop over plain Dockerfiles: `python -m benchmarks [--out FILE] [SCENARIO ...]`.

growth       one more combination at a time, and `make` alone
matrix       all combinations from nothing
unchanged    the same again; needs matrix
second       the same on another machine, with the remote cache; needs matrix
bytes        the bytes of the images, and in a registry; needs matrix
bump         all combinations again for the next kernels of their releases
node         the time that a starting node waits
start        a node in QEMU, from power-on until its driver is ready
scale        the cost of planning many combinations (scale.py), of our build alone

Seconds are wall time and depend on the machine and its load: quote the ratios.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import docker

from benchmarks.builds import OurBuild, PlainBuild
from benchmarks.bump import kernels_before, time_bump
from benchmarks.engine import image_bytes, private_engine, private_registry, registry_bytes
from benchmarks.node import NodeBenchmark
from benchmarks.scale import RELEASES, measure_scale, show_scale
from benchmarks.start import StartBenchmark
from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.sources.apt.machine import MachineArchives
from tests.support.machines.cluster.engine_images import own_images
from tests.support.machines.cluster_node.cluster_of_guests import ClusterOfGuests
from tests.support.machines.guest.machine_parts import MachineParts

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = ["growth", "matrix", "unchanged", "second", "bytes", "bump", "node", "start", "scale"]
_PORTS = {"ours": 5901, "plain": 5902, "remote cache": 5904}


@dataclass
class BenchmarkRun:
    """One run of the benchmarks in a scratch folder, and its figures in seconds or bytes.

    `figures` are by scenario and side (`ours`, `plain`, `make`). `growth` has the totals so far, by side and unit. `plain_builds`
    has the seconds and the image of each plain build, by combination.
    """

    project: LockedProject
    folder: Path
    stack: ExitStack
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    growth: dict[str, list[float]] = field(default_factory=dict)
    plain_builds: dict[str, tuple[float, str]] = field(default_factory=dict)

    @cached_property
    def plain(self) -> PlainBuild:
        """The plain build, with its base images imported into its own engine."""
        engine = self.stack.enter_context(private_engine(self.folder / "engine-plain"))
        plain = PlainBuild(project=self.project, machine=MachineArchives(), engine=engine)
        plain.import_bases(self.folder / "bases", sorted({c.release for c in self.combinations}))
        return plain

    @property
    def combinations(self) -> tuple[Combination, ...]:
        """The combinations of the matrix."""
        return self.project.matrix.combinations

    def ours(self, name: str) -> OurBuild:
        """Return our build, with an engine and a cache of its own, both empty."""
        engine = self.stack.enter_context(private_engine(self.folder / f"engine-{name}"))
        return OurBuild.prepare(ROOT, self.folder / name, engine)

    def record(self, scenario: str, side: str, value: float) -> None:
        """Record and print a figure in seconds or bytes."""
        self.figures.setdefault(scenario, {})[side] = round(value, 2)
        print(f"{scenario} {side}: {value:.1f}", file=sys.stderr, flush=True)

    def measure_growth(self) -> None:
        """Measure one more combination at a time, from nothing: the total seconds, and the bytes of all images so far."""
        ours, ids = self.ours("growth"), [c.id for c in self.combinations]
        for count, combination in enumerate(self.combinations, 1):
            seconds, images = ours.build(only=",".join(ids[:count]))
            self._add_seconds("ours", seconds)
            self._add_seconds("plain", self.build_plain((combination,)))
            self._add_seconds("make", self.plain.time_make(combination))
            self._add_bytes("ours", ours.engine, images)
            self._add_bytes("plain", self.plain.engine, [self.plain_builds[name][1] for name in ids[:count]])
        self.record("one", "ours", self.growth["ours seconds"][0])
        self.record("one", "plain", self.growth["plain seconds"][0])
        self.record("one", "make", self.growth["make seconds"][0])
        self.record("matrix", "make", self.growth["make seconds"][-1])

    def _add_seconds(self, side: str, seconds: float) -> None:
        totals = self.growth.setdefault(f"{side} seconds", [])
        totals.append(round((totals[-1] if totals else 0) + seconds, 1))
        print(f"growth {side}: {totals}", file=sys.stderr, flush=True)

    def _add_bytes(self, side: str, engine: str, images: list[str]) -> None:
        self.growth.setdefault(f"{side} bytes", []).append(image_bytes(engine, images))

    def measure_matrix(self, scenarios: list[str]) -> None:
        """Measure all combinations from nothing, with an empty remote cache; then, if listed, `unchanged`, `second` and `bytes`."""
        registry = self.stack.enter_context(private_registry(self.folder / "remote-cache", _PORTS["remote cache"]))
        remote_cache = f"{registry}/cache"
        ours = self.ours("matrix")
        seconds, images = ours.build(remote_cache=remote_cache)
        self.record("matrix", "ours", seconds)
        self.record("matrix", "plain", self.build_plain(self.combinations))
        if "unchanged" in scenarios:
            self.record("unchanged", "ours", ours.build(remote_cache=remote_cache)[0])
            again = sum(self.plain.build(combination)[0] for combination in self.combinations)
            self.record("unchanged", "plain", again)
        if "second" in scenarios:
            # The plain loop shares nothing: on a second machine it starts from nothing.
            self.record("second", "ours", self.ours("second").build(remote_cache=remote_cache, mode="read-only")[0])
            self.record("second", "plain", self.build_plain(self.combinations))
        if "bytes" in scenarios:
            self.measure_bytes("ours", ours.engine, images)
            self.measure_bytes("plain", self.plain.engine, [self.plain_builds[c.id][1] for c in self.combinations])

    def measure_bump(self) -> None:
        """Measure all combinations from nothing, and again after a bump of all kernels. The plain loop shares nothing."""
        before, seconds = time_bump(self.ours("bump"), kernels_before(self.project))
        self.record("before the bump", "ours", before)
        self.record("bump", "ours", seconds)
        self.record("bump", "plain", self.build_plain(self.combinations))

    def measure_bytes(self, side: str, engine: str, references: list[str]) -> None:
        """Measure the bytes of images on disk, and in a registry."""
        self.record("image bytes", side, image_bytes(engine, references))
        folder = self.folder / f"registry-{side}"
        self.record("registry bytes", side, registry_bytes(engine, references, folder, _PORTS[side]))

    @cached_property
    def node(self) -> NodeBenchmark:
        """One combination, with the plain image of it. Ours is the one in the engine that `invoke build` uses."""
        first = self.combinations[0]
        self.build_plain((first,))
        folder = self.folder / "node"
        folder.mkdir()
        engine = self.stack.enter_context(closing(docker.from_env()))
        parts = MachineParts(
            project=self.project, cache=Cache(default_cache_dir(os.environ)), engine=engine, folder=folder
        )
        image = self.plain_builds[first.id][1]
        return NodeBenchmark(parts=parts, plain=self.plain, plain_image=image, combination=first, folder=folder)

    def measure_start(self) -> None:
        """Measure a node from power-on until its driver is ready."""
        setup = subprocess.run([ROOT / "scripts/setup-cluster"], check=True, stdout=subprocess.PIPE, text=True)
        engine = self.stack.enter_context(own_images())
        guests = ClusterOfGuests(
            project=self.project,
            programs=Path(setup.stdout.strip()),
            folder=self.folder / "guests",
            engine=engine,
            stack=self.stack,
        )
        guests.folder.mkdir()
        StartBenchmark(
            guests=guests,
            combination=self.node.combination,
            archive=self.node.archive,
            folder=self.folder / "start",
        ).run(self.record)

    def build_plain(self, combinations: tuple[Combination, ...]) -> float:
        """Return the seconds of the plain loop over combinations. A combination is built once in a run."""
        for combination in combinations:
            if combination.id not in self.plain_builds:
                self.plain_builds[combination.id] = self.plain.build(combination)
                print(
                    f"plain {combination.id}: {self.plain_builds[combination.id][0]:.1f}", file=sys.stderr, flush=True
                )
        return sum(self.plain_builds[combination.id][0] for combination in combinations)


def show(run: BenchmarkRun) -> None:
    """Print the figures as Markdown tables."""
    if run.figures:
        print("| scenario | ours | plain | `make` alone | ours / plain | ours / `make` |\n|---|---|---|---|---|---|")
    for scenario, sides in run.figures.items():
        unit, scale = ("MB", 1e6) if scenario.endswith("bytes") else ("s", 1)
        cells = [f"{sides[side] / scale:.1f} {unit}" if side in sides else "–" for side in ("ours", "plain", "make")]
        ratios = [f"{sides['ours'] / sides[s]:.3f}" if {"ours", s} <= sides.keys() else "–" for s in ("plain", "make")]
        print(f"| {scenario} | {' | '.join([*cells, *ratios])} |")
    if run.growth:
        columns = list(run.growth)
        print(f"\n| combinations | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
        for count in range(len(run.growth[columns[0]])):
            print(f"| {count + 1} | {' | '.join(f'{run.growth[column][count]:.0f}' for column in columns)} |")


def parse_arguments() -> tuple[list[str], Path]:
    """Return the scenarios and the output file of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure `invoke build` against plain Dockerfiles."
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "benchmarks.json", help="JSON file to write")
    options = parser.parse_args()
    unknown = sorted(set(options.scenarios) - set(SCENARIOS))
    if unknown:
        parser.error(f"unknown scenario {', '.join(unknown)}: name any of {', '.join(SCENARIOS)}")
    return options.scenarios or SCENARIOS, options.out


def main() -> None:
    """Measure the requested scenarios, write the JSON file and print the tables."""
    scenarios, out = parse_arguments()
    # SIGTERM raises KeyboardInterrupt, so that the engines and registries are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A run needs some 15 GB; /tmp may be a small file system in memory.
    with tempfile.TemporaryDirectory(prefix="nvidia-benchmark-", dir="/var/tmp") as folder, ExitStack() as stack:
        run = BenchmarkRun(load_locked_project(ROOT), Path(folder), stack)
        if "matrix" in scenarios:
            run.measure_matrix(scenarios)
        if "growth" in scenarios:
            run.measure_growth()
        if "bump" in scenarios:
            run.measure_bump()
        if "node" in scenarios:
            run.node.run(run.record)
        if "start" in scenarios:
            run.measure_start()
        scale = measure_scale(ROOT, RELEASES, Path(folder) / "scale") if "scale" in scenarios else []
    machine = {"cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}
    out.parent.mkdir(parents=True, exist_ok=True)
    figures = {"machine": machine, "found": run.figures, "growth": run.growth, "scale": [asdict(one) for one in scale]}
    out.write_text(json.dumps(figures, indent=1) + "\n")
    show(run)
    if scale:
        show_scale(scale)


if __name__ == "__main__":
    main()
