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
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import docker

from benchmarks.engine import private_engine, private_registry
from benchmarks.leftovers import MadeImage, fill_cache, made_images, upload, write_archive, write_gitops
from benchmarks.synthetic import write_checkout
from lifecycle.cache.cache import Cache

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
        images, cache = made_images(project), folder / "cache"
        _load(images.values(), address, folder / "images.tar")
        fill_cache(project, Cache(cache), images.values())
        place = Place(
            checkout=project.root,
            cache=("--cache-dir", str(cache)),
            environ={**os.environ, "DOCKER_HOST": address, "PYTHONDONTWRITEBYTECODE": ""},
            combinations=len(project.matrix.combinations),
        )
        samples = [
            place.measure("--list", "--list"),
            place.measure("matrix", "matrix"),
            place.measure("build, all there", "build", *place.cache),
            place.measure("status, nothing pushed", "status", *place.cache),
        ]
        write_gitops(project, upload(project, images), folder / "scratch")
        place.check_merged()
        return [*samples, place.measure("status, all pushed and in GitOps", "status", *place.cache)]


def _load(images: Collection[MadeImage], address: str, archive: Path) -> None:
    """Have images in an engine."""
    write_archive(images, archive)
    with archive.open("rb") as stream:
        docker.DockerClient(base_url=address, timeout=600).images.load(stream)


def show_scale(samples: Sequence[Sample]) -> None:
    """Print the table, three rows a command, and what a combination adds."""
    counts = sorted({sample.combinations for sample in samples})
    columns = ["`invoke …`, combinations:", *map(str, counts), "each adds", "straight"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for command in dict.fromkeys(sample.command for sample in samples):
        mine = [sample for sample in samples if sample.command == command]
        _row(command, "s", "ms", [(s.combinations, s.seconds * 1000) for s in mine])
        _row("… on a processor", "s", "ms", [(s.combinations, s.cpu * 1000) for s in mine])
        _row("… at its peak", "MiB", "KiB", [(s.combinations, s.kib) for s in mine])


def _row(name: str, unit: str, small: str, points: Sequence[tuple[float, float]]) -> None:
    """A row of figures, given in the small unit, of which the other has about a thousand."""
    line, digits, factor = fit(points), *((2, 1000) if unit == "s" else (0, 1024))
    cells = [*(f"{value / factor:.{digits}f} {unit}" for _, value in points), f"{line.slope:.2f} {small}"]
    print(f"| {name} | {' | '.join(cells)} | {line.straight:.3f} |")


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
    show_scale(samples)


if __name__ == "__main__":
    main()
