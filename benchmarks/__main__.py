"""Measure our build against the plain loop: `python -m benchmarks [--out FILE] [SCENARIO ...]`.

Scenarios: growth (one combination more at a time, and `make` alone), matrix (cold, all of them), unchanged (the same again), second
(the same on a machine with nothing but a store that has it), bytes (of images and in a registry), node (what a starting node
waits for), scale (ours alone: what planning costs with many combinations, see scale.py). `matrix` has to be there for
`unchanged`, `second` and `bytes`. Seconds are of wall time on this machine at this time: quote the ratios.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import docker

from benchmarks.engine import image_bytes, private_engine, private_registry, registry_bytes
from benchmarks.node import NodeBenchmark
from benchmarks.scale import RELEASES, measure_scale, show_scale
from benchmarks.sides import Ours, Plain
from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.sources.apt_machine import MachineArchives
from tests.support.machines.guest.machine_parts import MachineParts

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = ["growth", "matrix", "unchanged", "second", "bytes", "node", "scale"]
_PORTS = {"ours": 5901, "plain": 5902, "store": 5904}


@dataclass
class Run:
    """One run of the benchmark: where it works, and what it has found, by scenario and side; `growth` is by side alone."""

    project: LockedProject
    folder: Path
    stack: ExitStack
    found: dict[str, dict[str, float]] = field(default_factory=dict)
    growth: dict[str, list[float]] = field(default_factory=dict)
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
        return self.project.matrix.combinations

    def ours(self, name: str) -> Ours:
        """Our side, with an engine and a cache of its own, both empty."""
        engine = self.stack.enter_context(private_engine(self.folder / f"engine-{name}"))
        return Ours.prepare(ROOT, self.folder / name, engine)

    def note(self, scenario: str, side: str, value: float) -> None:
        """Write down a figure, seconds or bytes."""
        self.found.setdefault(scenario, {})[side] = round(value, 2)
        print(f"{scenario} {side}: {value:.1f}", file=sys.stderr, flush=True)

    def grow(self) -> None:
        """One combination more at a time, nothing there at first: all seconds so far, and the bytes of all images so far."""
        ours, ids = self.ours("growth"), [c.id for c in self.combinations]
        for count, combination in enumerate(self.combinations, 1):
            seconds, images = ours.build(only=",".join(ids[:count]))
            self._add("ours", seconds)
            self._add("plain", self.loop((combination,)))
            self._add("make", self.plain.floor(combination))
            self._bytes_so_far("ours", ours.engine, images)
            self._bytes_so_far("plain", self.plain.engine, [self.theirs[name][1] for name in ids[:count]])
        self.note("one", "ours", self.growth["ours seconds"][0])
        self.note("one", "plain", self.growth["plain seconds"][0])
        self.note("one", "make", self.growth["make seconds"][0])

    def _add(self, side: str, seconds: float) -> None:
        so_far = self.growth.setdefault(f"{side} seconds", [])
        so_far.append(round((so_far[-1] if so_far else 0) + seconds, 1))
        print(f"growth {side}: {so_far}", file=sys.stderr, flush=True)

    def _bytes_so_far(self, side: str, engine: str, images: list[str]) -> None:
        self.growth.setdefault(f"{side} bytes", []).append(image_bytes(engine, images))

    def matrix(self, scenarios: list[str]) -> None:
        """Cold: all of them, with a store that is empty at first; then, asked for, the same again, elsewhere, and the bytes."""
        cache = f"{self.stack.enter_context(private_registry(self.folder / 'cache', _PORTS['cache']))}/store"
        ours = self.ours("matrix")
        seconds, images = ours.build(cache=cache)
        self.note("matrix", "ours", seconds)
        self.note("matrix", "plain", self.loop(self.combinations))
        if "unchanged" in scenarios:
            self.note("unchanged", "ours", ours.build(cache=cache)[0])
            again = sum(self.plain.build(combination)[0] for combination in self.combinations)
            self.note("unchanged", "plain", again)
        if "second" in scenarios:
            # Nobody shares anything in the plain loop: on a second machine it starts from nothing.
            self.note("second", "ours", self.ours("second").build(cache=cache, mode="read-only")[0])
            self.note("second", "plain", self.loop(self.combinations))
        if "bytes" in scenarios:
            self.bytes("ours", ours.engine, images)
            self.bytes("plain", self.plain.engine, [self.theirs[c.id][1] for c in self.combinations])

    def bytes(self, side: str, engine: str, references: list[str]) -> None:
        """Images on disk, and what a registry keeps of them."""
        self.note("image bytes", side, image_bytes(engine, references))
        folder = self.folder / f"registry-{side}"
        self.note("registry bytes", side, registry_bytes(engine, references, folder, _PORTS[side]))

    def node(self) -> None:
        """The driver unpacked, indexed and loaded on a node: our image from the engine that `invoke build` uses."""
        first = self.combinations[0]
        self.loop((first,))
        folder = self.folder / "node"
        folder.mkdir()
        engine = self.stack.enter_context(closing(docker.from_env()))
        parts = MachineParts(
            project=self.project, cache=Cache(default_cache_dir(os.environ)), engine=engine, folder=folder
        )
        image = self.theirs[first.id][1]
        NodeBenchmark(parts=parts, plain=self.plain, plain_image=image, combination=first, folder=folder).run(self.note)

    def loop(self, combinations: tuple[Combination, ...]) -> float:
        """The seconds of the plain loop over combinations; each is built once in a run."""
        for combination in combinations:
            if combination.id not in self.theirs:
                self.theirs[combination.id] = self.plain.build(combination)
                print(f"plain {combination.id}: {self.theirs[combination.id][0]:.1f}", file=sys.stderr, flush=True)
        return sum(self.theirs[combination.id][0] for combination in combinations)


def show(run: Run) -> None:
    """Print the tables."""
    if run.found:
        print("| scenario | ours | plain | ours / plain |\n|---|---|---|---|")
    for scenario, sides in run.found.items():
        unit = "MB" if scenario.endswith("bytes") else "s"
        ours, plain = (sides[side] / (1e6 if unit == "MB" else 1) for side in ("ours", "plain"))
        print(f"| {scenario} | {ours:.1f} {unit} | {plain:.1f} {unit} | {ours / plain:.3f} |")
    if run.growth:
        columns = list(run.growth)
        print(f"\n| combinations | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
        for count in range(len(run.growth[columns[0]])):
            print(f"| {count + 1} | {' | '.join(f'{run.growth[column][count]:.0f}' for column in columns)} |")


def chosen() -> tuple[list[str], Path]:
    """The scenarios, and where the numbers go, as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Our build against the plain loop.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "benchmarks.json", help="where the numbers go")
    options = parser.parse_args()
    unknown = sorted(set(options.scenarios) - set(SCENARIOS))
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}: there is {', '.join(SCENARIOS)}")
    return options.scenarios or SCENARIOS, options.out


def main() -> None:
    """Measure what was asked for, write and print it."""
    scenarios, out = chosen()
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Not below /tmp where that is a small file system in memory: a run needs some 15 GB.
    with tempfile.TemporaryDirectory(prefix="nvidia-benchmark-", dir="/var/tmp") as folder, ExitStack() as stack:
        run = Run(load_locked_project(ROOT), Path(folder), stack)
        if "matrix" in scenarios:
            run.matrix(scenarios)
        if "growth" in scenarios:
            run.grow()
        if "node" in scenarios:
            run.node()
        scale = measure_scale(ROOT, RELEASES, Path(folder) / "scale") if "scale" in scenarios else []
    machine = {"cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}
    out.parent.mkdir(parents=True, exist_ok=True)
    figures = {"machine": machine, "found": run.found, "growth": run.growth, "scale": [asdict(one) for one in scale]}
    out.write_text(json.dumps(figures, indent=1) + "\n")
    show(run)
    if scale:
        show_scale(scale)


if __name__ == "__main__":
    main()
