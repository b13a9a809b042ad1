"""A workbench on a project in memory, over a cache and an engine that a test gives it."""

import io
from pathlib import Path

from rich.console import Console

from lifecycle.build.needs import needs_of
from lifecycle.build.workbench import Workbench
from lifecycle.model.project import Project
from lifecycle.tools.progress import Progress
from tests.support.builders.cache_items import kept_input, kept_result, results


class Bench(Workbench):
    """A workbench on a project in memory; `said` is what goes to stderr."""

    def __init__(self, given: Project, cache: Path, engine: object) -> None:
        super().__init__(given.root, cache_dir=str(cache), environ={})
        self.given, self.said = given, io.StringIO()
        self.engine = engine  # type: ignore[assignment]
        self.progress = Progress(Console(file=self.said, width=1000))

    @property
    def project(self) -> Project:
        return self.given

    def answered(self) -> Project:
        return self.given


def fill(bench: Bench, *, age: float = 0) -> None:
    """Have all in the cache that the project's combinations need."""
    needs = needs_of(bench.given)
    for sha256 in needs.inputs:
        kept_input(bench.store, str(sha256), age=age)
    for kind, digest in results(needs.results):
        kept_result(bench.store, kind, digest, age=age)
