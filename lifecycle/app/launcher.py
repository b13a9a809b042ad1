"""The program `invoke` that scripts/setup puts in the place of Invoke's own: our Program, in the checkout around the folder.

It stands alone, as a copy in .venv/bin. Outside a checkout Invoke says that it finds no tasks.
"""

import os
import sys


def checkout() -> str:
    """Return the nearest folder upwards with our Program, or "". Invoke looks for tasks.py in the same order."""
    folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, "lifecycle", "app", "program.py")):
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above
    return folder


def main() -> None:
    """Run invoke; ends the process."""
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
        # Before there is a handler, nothing is begun.
        os._exit(130)
