"""`invoke release`, killed after a step: `python -m tests.support.release_until CHECKOUT VERSION STEP`."""

import os
import signal
import sys
from pathlib import Path

from lifecycle.build.releasing import show_release
from lifecycle.build.workbench import Workbench
from lifecycle.model.release import Step


def main(folder: str, version: str, last: str) -> None:
    """Release, and die by SIGKILL right after a step."""

    def after(step: Step) -> None:
        if step is Step(last):
            os.kill(os.getpid(), signal.SIGKILL)

    bench = Workbench(Path(folder), cache_dir="", environ=os.environ)
    show_release(bench, component="", version=version, dry_run=False, as_json=False, after=after)


if __name__ == "__main__":
    main(*sys.argv[1:])
