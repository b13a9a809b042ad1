"""Plot time and bytes against the number of combinations: `python -m benchmarks.plot [--numbers FILE] [--out FILE]`.

`python -m benchmarks growth` writes the numbers. Equal numbers give identical SVG files.
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
# The label, colour and style of each line. Okabe and Ito's colours are distinct for colour-blind readers too.
_LINES = {
    "plain": ("a plain Dockerfile for each", "#D55E00", "s-"),
    "make": ("make alone", "#999999", "^--"),
    "ours": ("invoke build", "#0072B2", "o-"),
}


def draw(growth: Mapping[str, Sequence[float]]) -> Figure:
    """Draw two panels: minutes, and megabytes of image layers, each layer counted once."""
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
    """Read the numbers and write the plot."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plot", description="Plot the growth of time and bytes.")
    parser.add_argument(
        "--numbers", type=Path, default=ROOT / "build" / "benchmarks.json", help="JSON file of the measurements"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "growth.svg", help="SVG file to write")
    options = parser.parse_args()
    if not options.numbers.exists():
        sys.exit(f"error: {options.numbers}: no such file: run `python -m benchmarks growth` first")
    growth = json.loads(options.numbers.read_text())["growth"]
    if not growth:
        sys.exit(f"error: {options.numbers} has no measurements of growth: run `python -m benchmarks growth`")
    draw(growth).savefig(options.out, metadata={"Date": None})


if __name__ == "__main__":
    main()
