"""Records for `invoke push` of the images that have passed all of their tests.

Only a complete session counts: it runs all tests on the matrix's own images. An image that was rebuilt meanwhile is left out.
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
    """Return the image ids of the selected combinations, by combination identifier; leave out missing images."""
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
    """The ids of a session's images at its start, and the tests that have failed since."""

    only: str
    images: Mapping[str, str]
    failed: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a failed test, in any worker process."""
        if report.failed:
            self.failed.append(report.nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Record the combinations without a failed test; record none if a failed test names no combination."""
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        if any(not any(f"[{name}" in node for name in self.images) for node in self.failed):
            return
        cache, now = Cache(default_cache_dir(os.environ)), image_ids(self.only)
        for name, image in self.images.items():
            if now.get(name) == image and not any(f"[{name}" in node for node in self.failed):
                cache.note_tested(image, name)


def is_whole(config: pytest.Config) -> bool:
    """Return whether a session runs all tests of the images and is the one that worker processes report to."""
    chosen = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("--image")
    files = [argument for argument in config.args if argument.rstrip("/") != "tests/images"]
    return not (chosen or files or hasattr(config, "workerinput") or config.getoption("collectonly"))
