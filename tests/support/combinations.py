"""Which combinations a session tests."""

import platform

from lifecycle.model.matrix import Combination
from lifecycle.model.project import load_project
from lifecycle.model.selector import select
from tests.support.checkout import ROOT

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def runnable(only: str) -> tuple[Combination, ...]:
    """The combinations that a selector means and whose programs this machine can run."""
    machine = platform.machine()
    own = _MACHINES.get(machine, machine)
    return tuple(c for c in select(load_project(ROOT).matrix(), only) if c.architecture == own)


def is_everything(only: str) -> bool:
    """Whether a selector means all that this machine can run: what is tested of the whole matrix can be tested."""
    return runnable(only) == runnable("")
