"""`invoke release`, killed after a step: `python -m tests.support.release_until CHECKOUT VERSION STEP`."""

import os
import signal
import sys
from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.release.release import show_release
from lifecycle.release.release_plan import Step


def main(folder: str, version: str, last: str) -> None:
    """Release, and die by SIGKILL right after a step."""

    def after(step: Step) -> None:
        if step is Step(last):
            os.kill(os.getpid(), signal.SIGKILL)

    session = Session(Path(folder), cache_dir="", environ=os.environ)
    show_release(session, component="", version=version, dry_run=False, as_json=False, after=after)


if __name__ == "__main__":
    main(*sys.argv[1:])
