"""Tests of a run's downloads from the remote cache right before it compiles, and of its uploads."""

import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.remote import RemoteCache
from lifecycle.cache.results import Result
from lifecycle.config.schema import ModuleType
from lifecycle.config.store import RemoteCacheConfig
from lifecycle.errors import InstallerError
from lifecycle.pipeline.compile import CompileJob, Compiler, CompileResult
from lifecycle.pipeline.executor import Executor, Outcome
from lifecycle.planning.plan import make_plan
from lifecycle.planning.targets import Kind, Target, Targets
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.terminal.progress import Progress
from tests.support.builders.projects import project
from tests.support.fakes.build_state import FakeBuildState
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.remote_cache import FakeRemoteCache

PROPRIETARY, OPEN = ModuleType.PROPRIETARY, ModuleType.OPEN
TARGETS = Targets(project())
# One whose modules are of both types.
COMBINATION = project().matrix.combinations[1]
MODULES = {t: TARGETS.compiled(COMBINATION, t) for t in (PROPRIETARY, OPEN)}


@dataclass
class SharedBuild:
    """A cache, and a compiler that writes a file after `waiting`; modules in `failing` do not compile."""

    cache: Cache
    failing: Sequence[ModuleType] = ()
    waiting: Callable[[], object] = lambda: None
    compiled: list[tuple[ModuleType, ...]] = field(default_factory=list)

    def compile(self, job: CompileJob) -> dict[ModuleType, Result | InstallerError]:
        self.waiting()
        self.compiled.append(job.types)
        return {t: InstallerError("no") if t in self.failing else self._made(MODULES[t]) for t in job.types}

    def _made(self, target: Target) -> Result:
        self.cache.log(target.kind, target.name).touch()
        with self.cache.making(target.kind, target.digest, {}) as folder:
            (folder / "nvidia.ko").write_bytes(b"made")
        result = self.cache.result(target.kind, target.digest)
        assert result is not None
        return result

    def run(self, results: FakeRemoteCache | RemoteCache) -> Outcome:
        """Compile what the combination needs."""
        bases = FakeBuildState([TARGETS.builder(COMBINATION), TARGETS.runtime(COMBINATION)])
        plan = make_plan(TARGETS, [COMBINATION], bases, last=Kind.MODULES)
        executor = Executor(TARGETS, self.cache, FakeEngine(), Progress(), remote=results)  # type: ignore[arg-type]
        return executor.execute(plan)


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedBuild:
    made = SharedBuild(Cache(tmp_path))
    monkeypatch.setattr(Executor, "_kernel_image", lambda *_: "kernel")
    monkeypatch.setattr(Compiler, "compile", lambda _, job, *__: CompileResult(modules=made.compile(job), asked=0))
    return made


def test_what_another_machine_has_made_meanwhile_is_not_compiled(setup: SharedBuild) -> None:
    outcome = setup.run(FakeRemoteCache(setup.cache, meanwhile=MODULES.values()))

    assert (setup.compiled, outcome.errors) == ([], {})


def test_of_a_job_only_what_nobody_has_made_is_compiled(setup: SharedBuild) -> None:
    results = FakeRemoteCache(setup.cache, meanwhile=[MODULES[PROPRIETARY]])
    outcome = setup.run(results)

    assert (setup.compiled, results.taken, outcome.errors) == ([(OPEN,)], [MODULES[PROPRIETARY]], {})


def test_what_is_made_is_not_given_before_it_is_made(setup: SharedBuild) -> None:
    results = FakeRemoteCache(setup.cache)
    # Long enough for whoever would not wait for the compile.
    setup.waiting = lambda: results.offered.wait(0.3)
    setup.run(results)

    assert sorted(target.name for target in results.given) == sorted(target.name for target in MODULES.values())


def test_what_was_made_is_given_and_what_was_taken_is_not(setup: SharedBuild) -> None:
    results = FakeRemoteCache(setup.cache, meanwhile=[MODULES[PROPRIETARY]])
    setup.run(results)

    assert results.given == [MODULES[OPEN]]


def test_what_did_not_compile_is_not_given_and_the_rest_is(setup: SharedBuild) -> None:
    setup.failing, results = [PROPRIETARY], FakeRemoteCache(setup.cache)
    outcome = setup.run(results)

    assert (set(outcome.errors), results.given) == ({MODULES[PROPRIETARY].digest}, [MODULES[OPEN]])


def test_a_store_that_is_down_fails_nothing(setup: SharedBuild) -> None:
    with socket.socket() as nobody:
        # Bound, and never listened on: whoever connects is refused.
        nobody.bind(("127.0.0.1", 0))
        host, warnings = f"127.0.0.1:{nobody.getsockname()[1]}", list[str]()
        section = RemoteCacheConfig(registry=host, repository="store")
        with closing(Registry(host, None)) as registry:
            shared = RemoteCache(section=section, registry=registry, cache=setup.cache, warn=warnings.append)
            outcome = setup.run(shared)

    assert (setup.compiled, outcome.errors) == ([(PROPRIETARY, OPEN)], {})
    assert [warning.partition(":")[0] for warning in warnings] == ["continuing without the remote cache 127.0.0.1"]
