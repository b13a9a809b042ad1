from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Result
from lifecycle.config.lock import Lock
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.compile import CompileJob, Compiler, CompileResult
from lifecycle.pipeline.compile_jobs import compile_jobs
from lifecycle.pipeline.compile_timings import read_timings
from lifecycle.pipeline.executor import Executor, Outcome
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.plan import Action, make_plan
from lifecycle.planning.targets import Kind, Targets, base_tag
from lifecycle.tools.terminal.progress import Progress
from tests.support.builders.projects import every_target, kernel, lock, project
from tests.support.builders.signing_keys import Pair
from tests.support.fakes.build_state import FakeBuildState
from tests.support.fakes.engine import FakeEngine

PROPRIETARY, OPEN = ModuleType.PROPRIETARY, ModuleType.OPEN
OLD = "6.1.0-56-cloud-amd64"


def modules(of: LockedProject, state: FakeBuildState) -> tuple[Action, ...]:
    return make_plan(Targets(of), of.matrix.combinations, state).running(Kind.MODULES)


def jobs(of: LockedProject, state: FakeBuildState) -> list[CompileJob]:
    return [job for job, _ in compile_jobs(Targets(of), modules(of, state))]


def test_module_types_share_a_job_and_each_kernels_first_driver_goes_first() -> None:
    now = project()
    combinations = now.matrix.combinations

    assert jobs(now, FakeBuildState()) == [
        CompileJob(combination=combinations[1], types=(PROPRIETARY, OPEN)),
        CompileJob(combination=combinations[3], types=(PROPRIETARY, OPEN)),
        CompileJob(combination=combinations[0], types=(PROPRIETARY,)),
        CompileJob(combination=combinations[2], types=(PROPRIETARY,)),
    ]


def test_every_action_is_in_exactly_one_job() -> None:
    now = project()
    actions = modules(now, FakeBuildState())
    grouped = [action for _, group in compile_jobs(Targets(now), actions) for action in group]

    assert sorted(a.target.digest for a in grouped) == sorted(a.target.digest for a in actions)


def test_a_job_compiles_only_the_types_that_are_to_be_made() -> None:
    now = project()
    combinations = now.matrix.combinations
    missing = [Targets(now).modules(combinations[1], OPEN), Targets(now).archive(combinations[1], OPEN)]
    state = FakeBuildState(
        target for target in every_target(now) if target not in (*missing, Targets(now).image(combinations[1]))
    )

    assert jobs(now, state) == [CompileJob(combination=combinations[1], types=(OPEN,))]


def two_releases_of_one_kernel(*, same_builder: bool) -> LockedProject:
    one = kernel(OLD, "6.1.192")
    locked = lock(kernels={"old-1/amd64": one, "new-2/amd64": one})
    bases = dict(locked.bases)
    if same_builder:
        bases["BUILDER_NEW_2"] = bases["BUILDER_OLD_1"]
    return project(lock=Lock(kernels=locked.kernels, drivers=locked.drivers, bases=bases))


def test_releases_that_share_kernel_and_builder_share_the_job() -> None:
    now = two_releases_of_one_kernel(same_builder=True)
    combinations = now.matrix.combinations

    assert jobs(now, FakeBuildState()) == [
        CompileJob(combination=combinations[1], types=(PROPRIETARY, OPEN)),
        CompileJob(combination=combinations[0], types=(PROPRIETARY,)),
    ]


def test_builders_of_the_same_packages_are_one_base_that_both_compile_in() -> None:
    now = two_releases_of_one_kernel(same_builder=True)
    targets, combinations = Targets(now), now.matrix.combinations
    made = make_plan(targets, combinations, FakeBuildState()).running(Kind.BASE)

    assert [action.target.name for action in made] == ["BUILDER_OLD_1", "RUNTIME"]
    assert {base_tag(targets.builder(combination)) for combination in combinations} == {base_tag(made[0].target)}


def test_one_kernel_in_two_builders_is_two_jobs() -> None:
    now = two_releases_of_one_kernel(same_builder=False)

    assert [(job.combination.release, len(job.types)) for job in jobs(now, FakeBuildState())] == [
        ("old-1", 2),
        ("new-2", 2),
        ("old-1", 1),
        ("new-2", 1),
    ]


def test_nothing_to_compile_is_no_job() -> None:
    assert jobs(project(), FakeBuildState(every_target(project()))) == []


def test_an_idle_plan_does_not_even_look_for_an_engine(tmp_path: Path) -> None:
    now, engine = project(), FakeEngine()
    plan = make_plan(Targets(now), now.matrix.combinations, FakeBuildState(every_target(now)))
    executor = Executor(Targets(now), Cache(tmp_path), engine, Progress())

    assert executor.execute(plan) == Outcome(seconds={}, errors={})
    assert (engine.asked, list(tmp_path.iterdir())) == ([], [])


def test_modules_are_signed_after_their_compile_and_before_packing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ours: Pair
) -> None:
    now = replace(project(), signer=ours.signer, recipes={**project().recipes, "signed": {"sign": "1"}})
    targets, work = Targets(now), []

    def done(what: str) -> Callable[..., dict[str, InstallerError]]:
        def call(_: Executor, of: Action | CompileJob, *__: int, **___: object) -> dict[str, InstallerError]:
            work.append((what, of.combinations[0].id if isinstance(of, Action) else of.combination.id))
            return {}

        return call

    for name in ("_base", "_compile", "_sign", "_userspace", "_archive", "_image"):
        monkeypatch.setattr(Executor, name, done(name))
    plan = make_plan(targets, now.matrix.combinations[:1], FakeBuildState())
    Executor(targets, Cache(tmp_path), FakeEngine(), Progress()).execute(plan)
    order = [what for what, _ in work]

    assert order.index("_compile") < order.index("_sign") < order.index("_archive") < order.index("_image")
    assert order.count("_sign") == 1


@pytest.mark.parametrize("failing", [False, True])
def test_what_a_compile_took_is_written_down_where_all_of_it_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    now, cache = project(), Cache(tmp_path)
    targets, combination = Targets(now), now.matrix.combinations[0]

    def compile_(self: Compiler, job: CompileJob, *_: object) -> CompileResult:
        target = self.targets.compiled(job.combination, PROPRIETARY)
        cache.log(target.kind, target.name).write_text(" CONFTEST: vmap\n CONFTEST: known\n")
        # A concurrent compile of the same kernel adds its own answers.
        (tmp_path / "new").write_text("a yes\nb no\n")
        cache.add_answers("kernel:1", tmp_path / "new")
        done = Result(kind=target.kind, digest=target.digest, folder=tmp_path, about={})
        return CompileResult(modules={PROPRIETARY: InstallerError("no") if failing else done}, asked=1)

    monkeypatch.setattr(Executor, "_kernel_image", lambda *_: "kernel:1")
    monkeypatch.setattr(Compiler, "compile", compile_)
    plan = make_plan(
        targets,
        [combination],
        FakeBuildState([targets.builder(combination), targets.runtime(combination)]),
        last=Kind.MODULES,
    )
    executor = Executor(targets, cache, FakeEngine(), Progress())
    outcome = executor.execute(plan)

    assert bool(outcome.errors) == failing
    assert [(t.kernel, t.driver, t.asked) for t in read_timings(cache)] == [(OLD, "535.309.01", 1)] * (not failing)
