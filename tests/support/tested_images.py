"""Which images have passed all of their tests, written down for `invoke push`.

Only a whole run counts: of all tests, on the matrix's own images, none of which was built anew meanwhile.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import docker
import pytest

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.planning.project import load_project
from lifecycle.planning.tags import references
from tests.support.checkout import ROOT
from tests.support.combinations import runnable


def image_ids(only: str) -> Mapping[str, str]:
    """The ids of the chosen combinations' images by their identifier; those that are not there are left out."""
    image = load_project(ROOT).component.image
    client = docker.from_env()
    found = {}
    for combination in runnable(only):
        try:
            found[combination.id] = str(client.images.get(references(image, combination)[0]).id)
        except docker.errors.ImageNotFound:
            continue
    client.close()
    return found


@dataclass
class Record:
    """A session's images as they were when it began, and which tests have failed since."""

    only: str
    images: Mapping[str, str]
    failed: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test that failed, wherever it ran."""
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write down the combinations none of whose tests failed; a failure of no combination's own spoils them all."""
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        if any(not any(f"[{name}" in node for name in self.images) for node in self.failed):
            return
        cache, now = Cache(default_cache_dir(os.environ)), image_ids(self.only)
        for name, image in self.images.items():
            if now.get(name) == image and not any(f"[{name}" in node for node in self.failed):
                cache.note_tested(image, name)


def is_whole(config: pytest.Config) -> bool:
    """Whether a session runs all tests of the images, and is the one that the others report to."""
    chosen = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("--image")
    files = [argument for argument in config.args if argument.rstrip("/") != "tests/images"]
    return not (chosen or files or hasattr(config, "workerinput") or config.getoption("collectonly"))
