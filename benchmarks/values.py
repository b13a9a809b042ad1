"""Measure edits of a large values file: `python -m benchmarks.values [--root CHECKOUT]`.

The file has 12,000 lines. The edit sets ten keys. The code of CHECKOUT (default: this one) is
measured; an older one may set one key at a time only. `read` is libyaml alone, which reads the file once.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.values_file import ValuesFile

ROOT = Path(__file__).resolve().parents[1]
LINES = 12_000
_LINES_OF_SERVICE = 6
_KEYS = 10
_TIMES = 5


def values_text() -> str:
    """Return a values file with comments, quotes and lists."""
    services = range(LINES // _LINES_OF_SERVICE)
    return "services:\n" + "".join(
        f"  service-{n}:\n    image: registry.example.org/service-{n}   # by hand\n    tag: '1.{n}'\n"
        f"    ports:\n    - name: http\n      port: {8000 + n}\n"
        for n in services
    )


def edit(text: str) -> None:
    """Set ten keys of a file."""
    wanted = {KeyPath.parse(f"services.service-{n * 150}.tag"): "new" for n in range(_KEYS)}
    file = ValuesFile(text, "values.yaml")
    if hasattr(file, "set_all"):
        file.set_all(wanted)
        return
    for path, value in wanted.items():
        file = file.set(path, value)


def read(text: str) -> None:
    """Read a file with libyaml into nodes."""
    yaml.compose(text, Loader=yaml.CSafeLoader)


def cpu_seconds(action: Callable[[str], None], text: str, times: int) -> float:
    """Return the CPU seconds of an action: the minimum of several, since other processes only add to it."""
    found = []
    for _ in range(times):
        started = time.process_time()
        action(text)
        found.append(time.process_time() - started)
    return min(found)


def measure(root: Path, times: int) -> Mapping[str, float]:
    """Return the CPU seconds of each action with the code of a checkout."""
    command = [sys.executable, str(Path(__file__).resolve()), "--here", f"--times={times}"]
    environ = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, env=environ, cwd=root, check=True, capture_output=True, text=True)
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds


def main() -> None:
    """Print the CPU seconds, and the edit as a multiple of reading."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--times", type=int, default=_TIMES)
    parser.add_argument("--here", action="store_true", help="measure in this process and print JSON")
    options = parser.parse_args()
    if options.here:
        text = values_text()
        print(json.dumps({a.__name__: cpu_seconds(a, text, options.times) for a in (read, edit)}))
        return
    seconds = measure(options.root.resolve(), options.times)
    print(f"read {seconds['read']:.2f} s, edit {seconds['edit']:.2f} s: {seconds['edit'] / seconds['read']:.1f} times")


if __name__ == "__main__":
    main()
