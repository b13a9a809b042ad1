"""What planning costs at scale: `python -m benchmarks.scale [--root CHECKOUT] [RELEASES ...]`.

A synthetic component of 4, 8, 13, 26 and 52 releases × 8 drivers × 2 module types × 2 architectures, all of it built, in an engine,
a cache and a registry of this run's own. Measured is the code of CHECKOUT (default: this one), each command as a whole process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import docker

from benchmarks.engine import private_engine, private_registry
from benchmarks.leftovers import fill_cache, made_images, upload, write_archive, write_gitops
from benchmarks.synthetic import write_checkout
from lifecycle.tools.store import Store

ROOT = Path(__file__).resolve().parents[1]
RELEASES = (4, 8, 13, 26, 52)
_TIMES = 5
_PORT = 5903
_MEASURE = Path(__file__).with_name("measure.py")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A command with so many combinations: its wall seconds, those on a processor, its peak in KiB.

    Of several times the least: what else runs on the machine only adds to it.
    """

    command: str
    combinations: int
    seconds: float
    cpu: float
    kib: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """The straight line that fits points best (least squares), and how well it does: the share of the variance that it explains."""

    slope: float
    straight: float


def fit(points: Sequence[tuple[float, float]]) -> Line:
    """The line through points; where none varies there is nothing to explain."""
    slope, intercept = statistics.linear_regression(*zip(*points, strict=True))
    mean = statistics.fmean(y for _, y in points)
    off = sum((y - slope * x - intercept) ** 2 for x, y in points)
    whole = sum((y - mean) ** 2 for _, y in points)
    return Line(slope=slope, straight=1 - off / whole if whole else 1.0)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A checkout, and what a task there needs to know."""

    checkout: Path
    cache: tuple[str, str]
    environ: dict[str, str]
    combinations: int

    def check_merged(self) -> None:
        """End the run unless `invoke status` finds everything where it is."""
        command = [sys.executable, "-m", "invoke", "status", "--json", *self.cache]
        done = subprocess.run(command, cwd=self.checkout, env=self.environ, check=True, stdout=subprocess.PIPE)
        rows = json.loads(done.stdout)
        if {(row["built"], row["tested"], row["gitops"]) for row in rows} != {(True, True, "merged")}:
            raise SystemExit(f"the synthetic checkout is not what it should be: {rows[0]}")

    def measure(self, command: str, *words: str) -> Sample:
        """Run a task some times; the first time, in which Python compiles it, does not count."""
        line = [sys.executable, str(_MEASURE), sys.executable, "-m", "invoke", *words]
        found = [
            json.loads(
                subprocess.run(line, cwd=self.checkout, env=self.environ, check=True, capture_output=True).stdout
            )
            for _ in range(_TIMES + 1)
        ][1:]
        sample = Sample(
            command=command,
            combinations=self.combinations,
            **{key: min(one[key] for one in found) for key in ("seconds", "cpu", "kib")},
        )
        print(f"{sample}", file=sys.stderr, flush=True)
        return sample


def measure_scale(root: Path, releases: Sequence[int], folder: Path) -> list[Sample]:
    """All samples, in a folder that is empty at first; `root` is a checkout whose code is measured."""
    return [sample for number in releases for sample in _measure(root, number, folder / str(number))]


def _measure(root: Path, releases: int, folder: Path) -> list[Sample]:
    with ExitStack() as stack:
        registry = stack.enter_context(private_registry(folder / "registry", _PORT))
        address = stack.enter_context(private_engine(folder / "engine"))
        project = write_checkout(root, folder, releases=releases, registry=registry)
        store, images = Store(folder / "cache"), made_images(project)
        fill_cache(project, store)
        for image in images.values():
            store.note_tested(image.digest, "synthetic")
        write_archive(images.values(), folder / "images.tar")
        with (folder / "images.tar").open("rb") as stream:
            docker.DockerClient(base_url=address, timeout=600).images.load(stream)
        environ = {**os.environ, "DOCKER_HOST": address, "PYTHONDONTWRITEBYTECODE": ""}
        place = Place(
            checkout=folder / "checkout",
            cache=("--cache-dir", str(store.root)),
            environ=environ,
            combinations=len(project.matrix().combinations),
        )
        samples = [
            place.measure("matrix", "matrix"),
            place.measure("build, all there", "build", *place.cache),
            place.measure("status, nothing pushed", "status", *place.cache),
        ]
        digests = upload(project, images)
        write_gitops(project, digests, folder / "scratch")
        place.check_merged()
        return [*samples, place.measure("status, all pushed and in GitOps", "status", *place.cache)]


def show(samples: Sequence[Sample]) -> None:
    """Print the table, a row a command, and what a combination adds."""
    counts = sorted({sample.combinations for sample in samples})
    columns = [*(f"{count}" for count in counts), "a combination adds", "straight"]
    print(f"| combinations | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    of = sorted(samples, key=lambda sample: (sample.command, sample.combinations))
    for command, group in groupby(of, key=lambda sample: sample.command):
        mine = list(group)
        _row(command, [(s.combinations, s.seconds) for s in mine], "{:.2f} s", "{:.2f} ms", 1000)
        _row("… on a processor", [(s.combinations, s.cpu) for s in mine], "{:.2f} s", "{:.2f} ms", 1000)
        _row("… peak memory", [(s.combinations, s.kib) for s in mine], "{:.0f} KiB", "{:.0f} KiB", 1)


def _row(name: str, points: Sequence[tuple[float, float]], value: str, slope: str, factor: float) -> None:
    line = fit(points)
    cells = [*(value.format(y) for _, y in points), slope.format(line.slope * factor), f"{line.straight:.3f}"]
    print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    """Parse the words, measure, write and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="What planning costs at scale.")
    parser.add_argument("releases", nargs="*", type=int, default=RELEASES, metavar="RELEASES", help="4 or more")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout whose code is measured")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "scale.json", help="where the numbers go")
    options = parser.parse_args()
    if len(set(options.releases)) < 2 or min(options.releases) < 4:
        parser.error("name two numbers of releases, or more, from 4 up")
    with tempfile.TemporaryDirectory(prefix="nvidia-benchmark-", dir="/var/tmp") as folder:
        samples = measure_scale(options.root, options.releases, Path(folder))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([asdict(sample) for sample in samples], indent=1) + "\n")
    show(samples)


if __name__ == "__main__":
    main()
