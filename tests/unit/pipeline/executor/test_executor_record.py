"""Tests of the record that a run of the executor leaves of its steps."""

from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.last_build import BuildRecorder, Step
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline import executor
from lifecycle.pipeline.compile import CompileJob, Compiler, CompileResult
from lifecycle.pipeline.executor import Executor
from lifecycle.planning.plan import make_plan
from lifecycle.planning.targets import Kind, Targets
from lifecycle.tools.terminal.progress import Progress
from tests.support.builders.projects import project
from tests.support.fakes.build_state import FakeBuildState
from tests.support.fakes.engine import FakeEngine

NOW = project()
TARGETS = Targets(NOW)
# Two drivers of one kernel.
COMBINATIONS = NOW.matrix.combinations[:2]


def steps_of_a_run(folder: Path, monkeypatch: pytest.MonkeyPatch, *, failing: str = "") -> dict[str, Step]:
    """Run the bases and compiles of two drivers of a kernel, and return their steps by the driver, or `base`."""

    def base(*_: object) -> None:
        if failing == "base":
            raise InstallerError("no")

    def compile_(_: Compiler, job: CompileJob, *__: object) -> CompileResult:
        error = InstallerError("no")
        return CompileResult(modules=dict.fromkeys(job.types, error) if failing == "compile" else {}, asked=0)

    monkeypatch.setattr(executor, "make_base", base)
    monkeypatch.setattr(executor, "save_timing", lambda *_, **__: None)
    monkeypatch.setattr(Executor, "_kernel_image", lambda *_: "kernel:1")
    monkeypatch.setattr(Compiler, "compile", compile_)
    recorder = BuildRecorder()
    there = FakeBuildState([TARGETS.runtime(COMBINATIONS[0])])
    plan = make_plan(TARGETS, COMBINATIONS, there, last=Kind.MODULES)
    Executor(TARGETS, Cache(folder), FakeEngine(), Progress(), recorder=recorder).execute(plan)
    found = recorder.record(combinations=2, reused={}, taken={})
    assert found.compiles
    return {step.name.split("/")[1] if step.kind == Kind.MODULES else step.kind: step for step in found.steps}


def test_a_step_has_what_it_made_and_what_it_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = steps_of_a_run(tmp_path, monkeypatch)
    builder = TARGETS.builder(COMBINATIONS[0]).digest
    first = [TARGETS.compiled(COMBINATIONS[1], module_type).digest for module_type in ModuleType]

    assert steps["base"].makes == (builder,)
    assert (steps["550.163.01"].makes, steps["550.163.01"].needs) == (tuple(first), (builder,))
    # The second driver of a kernel finds the first one's answers, so it waits for it.
    assert steps["535.309.01"].needs == (builder, first[0])


@pytest.mark.parametrize(
    ("failing", "failed"), [("", []), ("base", ["base"]), ("compile", ["535.309.01", "550.163.01"])]
)
def test_a_failed_step_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, failed: list[str]
) -> None:
    steps = steps_of_a_run(tmp_path, monkeypatch, failing=failing)

    assert sorted(name for name, step in steps.items() if step.failed) == failed
