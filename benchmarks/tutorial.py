"""A stopwatch for docs/tutorial.md: `python -m benchmarks.tutorial FOLDER` follows it in a clean clone, with empty caches.

The folder must not exist. The clone is of the last commit. The cache of its user is empty, so are the container engine and
the registry at localhost:5000. Packages that are installed already stay. Commands of a cluster are left out.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.engine import private_engine, private_registry
from tests.support.tutorial import Command, commands, files

ROOT = Path(__file__).resolve().parents[1]
_PORT = 5000
# Programs of the page that need a cluster, change the machine, or are done by this module.
_LEFT_OUT = {"cd", "kubectl", "sudo"}


def seconds_of_commands(folder: Path) -> Iterator[tuple[Command, float]]:
    """Yield each command of the tutorial with its wall seconds, after it ended.

    Raises subprocess.CalledProcessError if one fails.
    """
    clone = folder / "nvidia-installer"
    with ExitStack() as stack:
        engine = stack.enter_context(private_engine(folder / "engine"))
        stack.enter_context(private_registry(folder / "registry", _PORT))
        env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "DOCKER_HOST": engine}
        for command in commands():
            if command.words[0] in _LEFT_OUT:
                continue
            is_clone = command.words[0] == "git"
            words = ["git", "clone", "--quiet", str(ROOT), str(clone)] if is_clone else command.words
            started = time.monotonic()
            subprocess.run(words, cwd=folder if is_clone else clone, env=env, stdout=subprocess.DEVNULL, check=True)
            yield command, time.monotonic() - started
            for name, text in files().items():
                (clone / name).write_text(text)


def main() -> None:
    """Print a line for each command, then one for each step."""
    steps: Counter[str] = Counter()
    for command, seconds in seconds_of_commands(Path(sys.argv[1]).absolute()):
        steps[command.step] += round(seconds)
        print(f"{seconds:6.1f} s  {command.line}", flush=True)
    for step, seconds in steps.items():
        print(f"{seconds:6d} s  {step}", flush=True)


if __name__ == "__main__":
    main()
