"""Measure the cost of planning at scale: `python -m benchmarks.scale [--root CHECKOUT] [RELEASES ...]`.

The component is synthetic: 4, 8, 13, 26 and 52 releases × 8 drivers × 2 module types × 2 architectures. All its results exist,
in an engine, a cache and a registry of this run. The code of CHECKOUT (default: this one) is measured,
each command as a whole process.
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
from benchmarks.synthetic import write_checkout
from benchmarks.synthetic_results import (
    SyntheticImage,
    fill_cache,
    synthetic_images,
    upload_images,
    write_gitops,
    write_image_archive,
)
from lifecycle.cache.cache import Cache

ROOT = Path(__file__).resolve().parents[1]
RELEASES = (4, 8, 13, 26, 52)
_TIMES = 5
_PORT = 5903
_MEASURE = Path(__file__).with_name("measure.py")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The cost of a command with a number of combinations: wall seconds, CPU seconds, and peak memory in KiB.

    Each value is the minimum of several runs, since other processes on the machine only add to it.
    """

    command: str
    combinations: int
    seconds: float
    cpu: float
    kib: int


@dataclass(frozen=True, kw_only=True)
class LinearFit:
    """The least-squares line through points. `r_squared` is the share of the variance that it explains, from 0 to 1."""

    slope: float
    r_squared: float


def fit_line(points: Sequence[tuple[float, float]]) -> LinearFit:
    """Return the line that fits (x, y) points best. Points without any variance fit perfectly."""
    slope, intercept = statistics.linear_regression(*zip(*points, strict=True))
    mean = statistics.fmean(y for _, y in points)
    residual = sum((y - slope * x - intercept) ** 2 for x, y in points)
    total = sum((y - mean) ** 2 for _, y in points)
    return LinearFit(slope=slope, r_squared=1 - residual / total if total else 1.0)


@dataclass(frozen=True, kw_only=True)
class SyntheticCheckout:
    """A synthetic checkout, and the options and environment of its tasks."""

    checkout: Path
    cache_option: tuple[str, str]
    environ: dict[str, str]
    combinations: int

    def check_merged(self) -> None:
        """Raise SystemExit unless `invoke status` reports every combination as built, tested and merged."""
        command = [sys.executable, "-m", "invoke", "status", "--json", *self.cache_option]
        done = subprocess.run(command, cwd=self.checkout, env=self.environ, check=True, stdout=subprocess.PIPE)
        rows = json.loads(done.stdout)
        if {(row["built"], row["tested"], row["gitops"]) for row in rows} != {(True, True, "merged")}:
            raise SystemExit(f"the synthetic checkout is not built, tested and merged: {rows[0]}")

    def measure(self, command: str, *words: str) -> Sample:
        """Run a task several times, and return its minimum. The first run does not count, because it compiles Python files."""
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
    """Return the samples for each number of releases. `root` is the measured checkout; `folder` must be empty."""
    return [sample for number in releases for sample in _measure(root, number, folder / str(number))]


def _measure(root: Path, releases: int, folder: Path) -> list[Sample]:
    with ExitStack() as stack:
        registry = stack.enter_context(private_registry(folder / "registry", _PORT))
        address = stack.enter_context(private_engine(folder / "engine"))
        project = write_checkout(root, folder, releases=releases, registry=registry)
        images, cache = synthetic_images(project), folder / "cache"
        _load(images.values(), address, folder / "images.tar")
        fill_cache(project, Cache(cache), images.values())
        synthetic = SyntheticCheckout(
            checkout=project.root,
            cache_option=("--cache-dir", str(cache)),
            environ={**os.environ, "DOCKER_HOST": address, "PYTHONDONTWRITEBYTECODE": ""},
            combinations=len(project.matrix.combinations),
        )
        samples = [
            synthetic.measure("--list", "--list"),
            synthetic.measure("matrix", "matrix"),
            synthetic.measure("build, all there", "build", *synthetic.cache_option),
            synthetic.measure("status, nothing pushed", "status", *synthetic.cache_option),
        ]
        write_gitops(project, upload_images(project, images), folder / "scratch")
        synthetic.check_merged()
        return [
            *samples,
            synthetic.measure("status, all pushed and in GitOps", "status", *synthetic.cache_option),
            synthetic.measure("report, all pushed and in GitOps", "report", *synthetic.cache_option),
        ]


def _load(images: Collection[SyntheticImage], address: str, archive: Path) -> None:
    """Load images into an engine."""
    write_image_archive(images, archive)
    with archive.open("rb") as stream:
        docker.DockerClient(base_url=address, timeout=600).images.load(stream)


def show_scale(samples: Sequence[Sample]) -> None:
    """Print a Markdown table with three rows per command, and the cost that each combination adds."""
    counts = sorted({sample.combinations for sample in samples})
    columns = ["`invoke …`, combinations:", *map(str, counts), "each adds", "straight"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for command in dict.fromkeys(sample.command for sample in samples):
        of_command = [sample for sample in samples if sample.command == command]
        _row(command, "s", "ms", [(s.combinations, s.seconds * 1000) for s in of_command])
        _row("… CPU", "s", "ms", [(s.combinations, s.cpu * 1000) for s in of_command])
        _row("… peak memory", "MiB", "KiB", [(s.combinations, s.kib) for s in of_command])


def _row(name: str, unit: str, small: str, points: Sequence[tuple[float, float]]) -> None:
    """Print a row. The values are in the small unit, of which the other has 1000 (time) or 1024 (memory)."""
    line, digits, factor = fit_line(points), *((2, 1000) if unit == "s" else (0, 1024))
    cells = [*(f"{value / factor:.{digits}f} {unit}" for _, value in points), f"{line.slope:.2f} {small}"]
    print(f"| {name} | {' | '.join(cells)} | {line.r_squared:.3f} |")


def main() -> None:
    """Parse the arguments, measure, write the JSON file and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale", description="Measure the cost of planning at scale."
    )
    parser.add_argument(
        "releases",
        nargs="*",
        type=int,
        default=RELEASES,
        metavar="RELEASES",
        help="numbers of releases, each 4 or more",
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout to measure")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "scale.json", help="JSON file to write")
    options = parser.parse_args()
    if len(set(options.releases)) < 2 or min(options.releases) < 4:
        parser.error("name at least two different numbers of releases, each 4 or more")
    with tempfile.TemporaryDirectory(prefix="nvidia-benchmark-", dir="/var/tmp") as folder:
        samples = measure_scale(options.root, options.releases, Path(folder))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([asdict(sample) for sample in samples], indent=1) + "\n")
    show_scale(samples)


if __name__ == "__main__":
    main()
