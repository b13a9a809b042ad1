"""A node that goes from one image to another and back: the old image's installer folder, and the outcome of a boot."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker

from lifecycle.pipeline.image import HOME
from lifecycle.rehearsal.boot import BootOutcome, BootPair
from tests.support.machines.guest.machine import Boot

STEPS = ("old", "new", "old again")


def copy_home(engine: docker.DockerClient, image: str, folder: Path) -> None:
    """Copy the installer's folder of an image, by its id, to a new folder."""
    container = engine.containers.create(image)
    folder.mkdir(parents=True)
    try:
        chunks, _ = container.get_archive(f"/{HOME}")
        command = ["tar", "--extract", f"--directory={folder}", "--strip-components=1"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as tar:
            assert tar.stdin
            for chunk in chunks:
                tar.stdin.write(chunk)
            tar.stdin.close()
        assert tar.returncode == 0
    finally:
        container.remove(v=True)


def expected_drivers(pair: BootPair) -> tuple[str, ...]:
    """Return the driver that the kernel has to report after each installation."""
    return pair.old_driver, pair.new_driver, pair.old_driver


def reported_drivers(boot: Boot) -> tuple[str, ...]:
    """Return the driver that the kernel reported after each installation."""
    return tuple(boot[f"version {step}"].text.strip() for step in STEPS)


def status_of(boot: Boot, step: str) -> dict[str, Any]:
    """Return what `nvidia-installer status --json` printed after an installation."""
    found = json.loads(boot[f"status {step}"].text)
    assert isinstance(found, dict)
    return found


def outcome_of(pair: BootPair, boot: Boot) -> BootOutcome:
    """Return the outcome of a boot; the problem is that of the first installation that failed."""
    drivers = reported_drivers(boot)
    return BootOutcome(pair=pair, drivers=drivers, problem=next(iter(_problems(pair, boot, drivers)), ""))


def _problems(pair: BootPair, boot: Boot, drivers: Sequence[str]) -> list[str]:
    found = []
    for step, expected, reported in zip(STEPS, expected_drivers(pair), drivers, strict=True):
        done = boot[f"install {step}"]
        if done.code:
            last = next((line for line in reversed(done.lines) if line.strip()), "")
            found.append(f"the installation of {expected} ended with {done.code}: {last}")
        elif reported != expected:
            found.append(f"the kernel has {reported} after the installation of {expected}")
    return found
