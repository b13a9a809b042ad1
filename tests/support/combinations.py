"""The combinations that a session tests."""

import platform
from contextlib import closing
from functools import cache

import docker

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.planning.required_inputs import boot_warning
from lifecycle.planning.selector import select
from lifecycle.planning.tags import references
from lifecycle.tools.labels import LABEL_VERMAGIC
from tests.support.checkout import ROOT

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@cache
def runnable(only: str) -> tuple[Combination, ...]:
    """Return the combinations that a selector matches and whose programs this machine can run.

    pytest asks once for each test that it collects, and reading the project takes 0.1 s.
    """
    machine = platform.machine()
    own = _MACHINES.get(machine, machine)
    return tuple(c for c in select(load_locked_project(ROOT).matrix, only) if c.architecture == own)


@cache
def reason_against_boot(combination: Combination) -> str:
    """Return why no test can boot the kernel of a combination, or ""."""
    return boot_warning(combination.release, load_locked_project(ROOT).lock.kernel_for(combination))


@cache
def compares_symbols(combination: Combination) -> bool:
    """Return whether the kernel of a combination compares the CRCs of symbols (MODVERSIONS), by the label of its image."""
    reference = references(load_locked_project(ROOT).component.image, combination)[0]
    with closing(docker.from_env()) as engine:
        return "modversions" in engine.images.get(reference).labels[LABEL_VERMAGIC]


def bootable(only: str) -> tuple[Combination, ...]:
    """Return the runnable combinations whose kernel a test can boot."""
    return tuple(combination for combination in runnable(only) if not reason_against_boot(combination))


def is_everything(only: str) -> bool:
    """Return whether a selector matches all that this machine can run, so that the whole matrix can be tested."""
    return runnable(only) == runnable("")
