"""The script `.venv/bin/invoke`, with which scripts/setup replaces Invoke's own. It runs the Program of the surrounding checkout.

The script is a copy of this file, so it imports nothing of the project at the top. Outside a checkout it runs Invoke, which says
that it finds no tasks.
"""

import os
import sys


def checkout() -> str:
    """Return the nearest parent folder that has our Program, or "". Invoke searches for tasks.py in the same order."""
    folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, "lifecycle", "app", "program.py")):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    return folder


def main() -> None:
    """Run invoke and end the process."""
    root = checkout()
    if root:
        sys.path.insert(0, root)
        from lifecycle.app.program import main as run
    else:
        from invoke.main import program

        run = program.run
    run()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # Before a signal handler is installed, no task has started.
        os._exit(130)
