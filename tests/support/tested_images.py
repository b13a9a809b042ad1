"""Records for `invoke push` of the images that have passed all of their tests, and what `attest` says about them.

Only a complete session counts: it runs all tests on the matrix's own images. An image that was rebuilt meanwhile is left out.
"""

import os
import platform
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

import docker
import pytest

from lifecycle.attest.predicates import SuiteResult, TestsPassed
from lifecycle.cache.cache import TESTED, Cache, default_cache_dir
from lifecycle.cache.evidence import note_evidence
from lifecycle.planning.project import load_project
from lifecycle.planning.tags import references
from tests.support.checkout import ROOT
from tests.support.combinations import runnable

# From the name of a combination and its counted outcomes to the evidence, or None.
Evidence = Callable[[str, "Counter[str]"], Mapping[str, object] | None]


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


def tests_passed(combination: str, outcomes: "Counter[str]") -> Mapping[str, object]:
    """Return the predicate of an image whose tests have passed."""
    client = docker.from_env()
    engine = str(client.version()["Version"])
    client.close()
    return TestsPassed(
        combination=combination,
        suites=(SuiteResult(name="tests/images", passed=outcomes["passed"], skipped=outcomes["skipped"]),),
        versions={
            "engine": engine,
            "pytest": pytest.__version__,
            "python": platform.python_version(),
            "testinfra": version("pytest-testinfra"),
        },
        recorded_at=datetime.now(UTC),
    ).model_dump(mode="json", by_alias=True)


@dataclass
class Record:
    """The ids of a session's images at its start, and the outcomes of the tests since.

    At the end, the evidence about each image without a failed test is saved in a section of the cache.
    """

    only: str
    images: Mapping[str, str]
    section: str = TESTED
    evidence: Evidence = tests_passed
    failed: list[str] = field(default_factory=list)
    outcomes: dict[str, "Counter[str]"] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the outcome of a test, in any worker process."""
        if report.failed:
            self.failed.append(report.nodeid)
        if report.when == "call" or report.skipped:
            for name in self.images:
                if f"[{name}" in report.nodeid:
                    self.outcomes.setdefault(name, Counter())[report.outcome] += 1

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Save the evidence of the combinations without a failed test; none if a failed test names no combination."""
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        if any(not any(f"[{name}" in node for name in self.images) for node in self.failed):
            return
        cache, now = Cache(default_cache_dir(os.environ)), image_ids(self.only)
        for name, image in self.images.items():
            outcomes = self.outcomes.get(name, Counter())
            if now.get(name) != image or not outcomes["passed"] or any(f"[{name}" in node for node in self.failed):
                continue
            if evidence := self.evidence(name, outcomes):
                note_evidence(cache, self.section, image, evidence)


def is_whole(config: pytest.Config, folder: str = "tests/images") -> bool:
    """Return whether a session runs all tests of a folder and is the one that worker processes report to."""
    chosen = config.getoption("keyword") or config.getoption("markexpr") or config.getoption("--image", default="")
    files = [argument for argument in config.args if argument.rstrip("/") != folder]
    return not (chosen or files or hasattr(config, "workerinput") or config.getoption("collectonly"))
