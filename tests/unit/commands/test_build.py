from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.commands.build import BuildFailedError, raise_failures
from lifecycle.config.schema import ModuleType
from lifecycle.errors import EXIT_FAILURE, InstallerError
from lifecycle.pipeline.build_service import BuildResult
from lifecycle.pipeline.build_state import BuildState
from lifecycle.pipeline.executor import Outcome
from lifecycle.planning.plan import make_plan
from lifecycle.planning.targets import Targets
from lifecycle.tools.graph import DependencyFailedError
from tests.support.builders.projects import project
from tests.support.fakes.build_state import FakeBuildState
from tests.support.fakes.engine import FakeEngine

PROJECT = project()
TARGETS = Targets(PROJECT)
COMBINATIONS = PROJECT.matrix.combinations[:2]
OPEN = TARGETS.modules(COMBINATIONS[1], ModuleType.OPEN)
PROPRIETARY = TARGETS.modules(COMBINATIONS[1], ModuleType.PROPRIETARY)
ARCHIVE = TARGETS.archive(COMBINATIONS[1], ModuleType.OPEN)
IMAGE = TARGETS.image(COMBINATIONS[1])
PLANNED = 12


def made(tmp_path: Path, errors: dict[str, InstallerError] | None) -> BuildResult:
    engine, image = FakeEngine(), PROJECT.component.image
    return BuildResult(
        targets=TARGETS,
        combinations=COMBINATIONS,
        plan=make_plan(TARGETS, COMBINATIONS, FakeBuildState()),
        outcome=None if errors is None else Outcome(seconds={}, errors=errors),
        state=BuildState(Cache(tmp_path), engine, image),
    )


def test_a_run_in_which_all_went_well_raises_nothing(tmp_path: Path) -> None:
    raise_failures(made(tmp_path, {}))


def test_a_run_in_which_nothing_was_to_do_raises_nothing(tmp_path: Path) -> None:
    raise_failures(made(tmp_path, None))


def test_what_failed_says_why_and_what_was_not_tried_is_named(tmp_path: Path) -> None:
    errors = {
        OPEN.digest: InstallerError("they do not compile", details="  a.c:1: error: no", resolution="Mend it."),
        ARCHIVE.digest: DependencyFailedError(OPEN.digest),
        IMAGE.digest: DependencyFailedError(ARCHIVE.digest),
    }
    with pytest.raises(BuildFailedError) as caught:
        raise_failures(made(tmp_path, errors))

    assert str(caught.value).splitlines() == [
        f"1 failed, 2 skipped because of that, {PLANNED - 3} built",
        "",
        "",
        "they do not compile",
        "  a.c:1: error: no",
        "Mend it.",
        "",
        f"skipped: archive {ARCHIVE.name}, image {IMAGE.name}",
    ]
    assert caught.value.exit_code == EXIT_FAILURE


def test_one_error_of_several_targets_is_said_once(tmp_path: Path) -> None:
    error = InstallerError("the container broke")
    with pytest.raises(BuildFailedError) as caught:
        raise_failures(made(tmp_path, {OPEN.digest: error, PROPRIETARY.digest: error}))

    assert str(caught.value).count("the container broke") == 1


def test_two_errors_are_both_said(tmp_path: Path) -> None:
    errors = {OPEN.digest: InstallerError("one broke"), PROPRIETARY.digest: InstallerError("another broke")}
    with pytest.raises(
        BuildFailedError, match=r"^2 failed, 0 skipped because of that, 10 built[\s\S]*one broke[\s\S]*another"
    ):
        raise_failures(made(tmp_path, errors))
