"""A session on a project in memory, over a cache and an engine that a test gives it."""

import io
from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.cache.required import needs_of
from lifecycle.planning.locked_project import LockedProject
from lifecycle.tools.terminal.console import OutputConsole
from lifecycle.tools.terminal.progress import Progress
from tests.support.builders.cache_items import kept_input, kept_result, results
from tests.support.fakes.engine import FakeEngine


class FakeSession(Session):
    """A session on a project in memory; `said` is what goes to stderr."""

    def __init__(self, given: LockedProject, cache: Path, engine: FakeEngine) -> None:
        super().__init__(cache.parent, cache_dir=str(cache), environ={})
        self.given, self.said = given, io.StringIO()
        self.engine: FakeEngine = engine
        self.progress = Progress(OutputConsole(file=self.said, width=1000))

    @property
    def project(self) -> LockedProject:
        return self.given

    @property
    def locked_project(self) -> LockedProject:
        return self.given


def fill(session: FakeSession, *, age: float = 0) -> None:
    """Have all in the cache that the project's combinations need."""
    needs = needs_of(session.given)
    for sha256 in needs.inputs:
        kept_input(session.cache, str(sha256), age=age)
    for kind, digest in results(needs.results):
        kept_result(session.cache, kind, digest, age=age)
