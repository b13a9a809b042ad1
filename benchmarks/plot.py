"""Draw time and bytes against the number of combinations: `python -m benchmarks.plot [--numbers FILE] [--out FILE]`.

The numbers are what `python -m benchmarks growth` has written. The picture is the same bytes for the same numbers.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
# Okabe and Ito's colours, which all eyes tell apart; by line, what it is called and how it is drawn.
_LINES = {
    "plain": ("a plain Dockerfile for each", "#D55E00", "s-"),
    "make": ("make alone", "#999999", "^--"),
    "ours": ("invoke build", "#0072B2", "o-"),
}


def draw(growth: Mapping[str, Sequence[float]]) -> Figure:
    """Two panels beside each other: seconds, and megabytes of image layers, each layer counted once."""
    mpl.rcParams.update({"svg.hashsalt": "nvidia-installer", "font.family": "sans-serif"})
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    seconds, size = figure.subplots(1, 2)
    _panel(seconds, "minutes, from nothing", {name: [v / 60 for v in growth[f"{name} seconds"]] for name in _LINES})
    _panel(size, "MB of image layers", {name: [v / 1e6 for v in growth[f"{name} bytes"]] for name in ("plain", "ours")})
    return figure


def _panel(axes: Axes, title: str, lines: Mapping[str, Sequence[float]]) -> None:
    for name, values in lines.items():
        label, colour, style = _LINES[name]
        axes.plot(range(1, len(values) + 1), values, style, color=colour, label=label)
    axes.set_title(title)
    axes.set_xlabel("combinations")
    axes.set_xticks(range(1, max(map(len, lines.values())) + 1))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def main() -> None:
    """Read the numbers and write the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description="Draw the growth of time and bytes.")
    parser.add_argument("--numbers", type=Path, default=ROOT / "build" / "benchmarks.json", help="what was measured")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "growth.svg", help="the picture")
    options = parser.parse_args()
    if not options.numbers.exists():
        sys.exit(f"error: {options.numbers}: there is no such file: run `python -m benchmarks growth` first")
    growth = json.loads(options.numbers.read_text())["growth"]
    if not growth:
        sys.exit(f"error: {options.numbers} says nothing of growth: run `python -m benchmarks growth`")
    draw(growth).savefig(options.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
