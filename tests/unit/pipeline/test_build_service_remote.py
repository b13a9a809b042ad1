"""Tests of a build's downloads from the remote cache at its start, and of its uploads at its end."""

import io
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from lifecycle.app.session import Session
from lifecycle.cache.last_build import read_last_build
from lifecycle.cache.remote_session import RemoteSession
from lifecycle.pipeline.build_service import BuildRequest, BuildResult, BuildService
from lifecycle.pipeline.executor import Executor, Outcome
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.plan import Plan
from lifecycle.planning.targets import Kind, Target, base_tag
from lifecycle.tools.terminal.console import OutputConsole
from lifecycle.tools.terminal.progress import Progress
from tests.support.builders.projects import every_target, local_image
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.remote_cache import FakeRemoteCache

SHARED = (Kind.USERSPACE, Kind.ARCHIVE)


class SharedService:
    """A build service that has every base and whose executor writes down what it was to make, in place of making it."""

    def __init__(self, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = load_locked_project(checkout)
        self.session = Session(checkout, cache_dir=str(checkout.parent / "cache"), environ={})
        bases = [local_image(base_tag(target)) for target in self.all(Kind.BASE)]
        self.session.engine = FakeEngine(*bases)
        self.said = io.StringIO()
        self.session.progress = Progress(OutputConsole(file=self.said, width=1000))
        self.made: list[Target] = []
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(Executor, "execute", lambda _, plan: self._follow(plan))

    def all(self, *kinds: Kind) -> list[Target]:
        return [target for target in every_target(self.project) if target.kind in kinds]

    def make(self, results: FakeRemoteCache, *, dry_run: bool = False, rebuild: bool = False) -> BuildResult:
        """Build all archives with a remote cache."""
        sharing = RemoteSession(results=results, progress=self.session.progress)  # type: ignore[arg-type]
        self._monkeypatch.setattr(BuildService, "_open_remote", lambda _: nullcontext(sharing))
        return self.session.build_service().build(
            BuildRequest(only="", last=Kind.ARCHIVE, dry_run=dry_run, locked=True, rebuild=rebuild)
        )

    def keep(self, targets: Iterable[Target]) -> None:
        """Put results of these targets into the cache."""
        for target in targets:
            with self.session.cache.making(target.kind, target.digest, {}) as folder:
                (folder / "file").write_bytes(b"made")

    def _follow(self, plan: Plan) -> Outcome:
        self.made += [action.target for action in plan.actions if action.run]
        self.keep(self.made)
        return Outcome(seconds={}, errors={})


@pytest.fixture
def setup(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> SharedService:
    return SharedService(checkout, monkeypatch)


def digests(targets: Iterable[Target]) -> set[str]:
    return {target.digest for target in targets}


def test_what_another_machine_has_made_is_taken_and_nothing_is_made(setup: SharedService) -> None:
    results = FakeRemoteCache(setup.session.cache, setup.all(Kind.MODULES, *SHARED))
    made = setup.make(results)

    assert (made.plan.idle, made.outcome, setup.made) == (True, None, [])
    assert digests(results.taken) == digests(setup.all(*SHARED))
    assert f"download {len(results.taken)} results from elsewhere/store" in setup.said.getvalue()


def test_a_rebuild_makes_all_itself_and_shares_nothing(setup: SharedService) -> None:
    fetcher = SimpleNamespace(download=lambda project, *_, **__: SimpleNamespace(project=project))
    setup.session.sources = SimpleNamespace(fetcher=fetcher)  # type: ignore[assignment]
    results = FakeRemoteCache(setup.session.cache, setup.all(Kind.MODULES, *SHARED))
    setup.make(results, rebuild=True)

    assert digests(setup.made) == digests(setup.all(Kind.BASE, Kind.MODULES, *SHARED))
    assert (results.taken, results.given) == ([], [])


def test_of_what_is_taken_nothing_is_given_back(setup: SharedService) -> None:
    results = FakeRemoteCache(setup.session.cache, setup.all(*SHARED))
    setup.make(results)

    assert results.given == []


def test_a_damaged_one_is_made_here_of_what_is_whole(setup: SharedService) -> None:
    damaged, *whole = setup.all(Kind.ARCHIVE)
    results = FakeRemoteCache(
        setup.session.cache, [*setup.all(Kind.MODULES, Kind.USERSPACE), *whole], damaged=[damaged]
    )
    setup.make(results)
    modules = [target for target in results.taken if target.kind is Kind.MODULES]

    assert digests(setup.made) == {damaged.digest}
    assert [target.digest for target in modules] == [damaged.inputs["modules"]]


def test_what_was_damaged_is_given_when_it_has_been_made(setup: SharedService) -> None:
    damaged, *whole = setup.all(Kind.ARCHIVE)
    results = FakeRemoteCache(
        setup.session.cache, [*setup.all(Kind.MODULES, Kind.USERSPACE), *whole], damaged=[damaged]
    )
    setup.make(results)

    assert digests(results.given) == {damaged.digest}


def test_what_is_here_already_is_given_though_there_is_nothing_to_make(setup: SharedService) -> None:
    setup.keep(setup.all(*SHARED))
    results = FakeRemoteCache(setup.session.cache)
    made = setup.make(results)

    assert made.outcome is None
    assert digests(results.given) == digests(setup.all(*SHARED))


def test_a_dry_run_says_what_would_be_taken_and_takes_and_gives_nothing(setup: SharedService) -> None:
    here, *there = setup.all(*SHARED)
    setup.keep([here])
    results = FakeRemoteCache(setup.session.cache, there)
    made = setup.make(results, dry_run=True)

    assert digests(made.plan.taking) == digests(there)
    assert (results.taken, results.given) == ([], [])


def test_a_build_records_what_it_reused_and_took(setup: SharedService) -> None:
    setup.make(FakeRemoteCache(setup.session.cache, setup.all(Kind.MODULES, *SHARED)))
    record = read_last_build(setup.session.cache)

    assert record
    assert record.taken == {str(kind): len(setup.all(kind)) for kind in SHARED}
    assert [phase.title for phase in record.phases] == ["resolve", "plan", "download results", "upload results"]


def test_a_run_that_does_nothing_keeps_the_record_of_the_last_build(setup: SharedService) -> None:
    results = FakeRemoteCache(setup.session.cache)
    setup.make(results, dry_run=True)
    assert read_last_build(setup.session.cache) is None
    setup.keep(setup.all(Kind.MODULES, *SHARED))
    setup.make(results)

    assert read_last_build(setup.session.cache) is None
