from pathlib import Path

import pytest

from lifecycle.app import build_output
from lifecycle.app.build_output import ResultRow
from lifecycle.cache.cache import Cache
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.build_service import BuildResult
from lifecycle.pipeline.build_state import BuildState
from lifecycle.pipeline.executor import Outcome
from lifecycle.planning.plan import make_plan
from lifecycle.planning.targets import Kind, Target, Targets
from lifecycle.tools.graph import DependencyFailedError
from tests.support.builders.projects import applied_patches, component, every_target, local_image, project
from tests.support.fakes.build_state import FakeBuildState
from tests.support.fakes.engine import FakeEngine

PATCH = Patch(file="a.patch", module_type=ModuleType.OPEN, reason="it does not compile")
EXCLUDE_NEW = '\n    - {kernel: ">=6.12", reason: "the kernel [breaks] both"}\nsources:'
PROJECT = project(
    component=component(("\nsources:", EXCLUDE_NEW)),
    series=PatchSeries(patches=[PATCH]),
    patch_digests={"a.patch": "1"},
)
TARGETS = Targets(PROJECT)
APPLIED = applied_patches(PROJECT.matrix.combinations)
MATRIX = PROJECT.matrix
FIRST, SECOND = MATRIX.combinations
REPOSITORY = "localhost:5000/team/nvidia-installer"
TAGS = ["535.309.01-6.1.0-56-cloud-amd64-old-1", "550.163.01-6.1.0-56-cloud-amd64-old-1"]
MOVING = ["535-6.1.0-56-cloud-amd64-old-1", "550-6.1.0-56-cloud-amd64-old-1"]


def plain(
    identifier: str, module_types: list[str], excluded: list[tuple[str, str]], patches: list[str]
) -> dict[str, object]:
    release, kernel, driver = identifier.split("/")
    return {
        "id": identifier,
        "release": release,
        "kernel": kernel,
        "linux": "6.1.192" if release == "old-1" else "6.12.117",
        "driver": driver,
        "architecture": "amd64",
        "channel": "previous" if release == "old-1" else "current",
        "module_types": module_types,
        "patches": [{"module_type": name, "file": "a.patch", "state": "applied"} for name in patches],
        "excluded": [{"module_type": name, "reason": reason} for name, reason in excluded],
    }


def test_the_matrix_as_data() -> None:
    lacking, broken = "there are no open modules of it", "the kernel [breaks] both"

    assert build_output.matrix_rows(MATRIX, [SECOND], APPLIED) == {
        "combinations": [plain(SECOND.id, ["proprietary", "open"], [], ["open"])],
        "excluded": [
            plain("new-2/6.12.117-amd64/535.309.01", [], [("proprietary", broken), ("open", lacking)], []),
            plain("new-2/6.12.117-amd64/550.163.01", [], [("proprietary", broken), ("open", broken)], []),
        ],
        "warnings": [],
    }
    assert build_output.matrix_rows(MATRIX, [FIRST], APPLIED)["combinations"] == [
        plain(FIRST.id, ["proprietary"], [("open", lacking)], [])
    ]


def test_the_matrix_as_tables_keeps_every_word_whatever_the_width(capsys: pytest.CaptureFixture[str]) -> None:
    build_output.print_matrix(MATRIX, MATRIX.combinations, APPLIED)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    cells = [[cell for cell in line.split("  ") if cell] for line in lines]

    assert [[cell.strip() for cell in row] for row in cells] == [
        ["2 combinations"],
        ["combination", "channel", "modules", "patches"],
        [FIRST.id, "previous", "proprietary", "–"],
        [SECOND.id, "previous", "proprietary, open", "a.patch"],
        [],
        ["excluded"],
        ["combination", "modules", "reason"],
        ["new-2/6.12.117-amd64/535.309.01", "proprietary", "the kernel [breaks] both"],
        ["new-2/6.12.117-amd64/535.309.01", "open", "there are no open modules of it"],
        ["new-2/6.12.117-amd64/550.163.01", "proprietary", "the kernel [breaks] both"],
        ["new-2/6.12.117-amd64/550.163.01", "open", "the kernel [breaks] both"],
        [FIRST.id, "open", "there are no open modules of it"],
    ]


def test_a_plan_as_data() -> None:
    plan = make_plan(TARGETS, [FIRST], FakeBuildState([TARGETS.builder(FIRST)]), last=Kind.MODULES)
    modules = TARGETS.modules(FIRST, ModuleType.PROPRIETARY)

    assert build_output.plan_rows(plan.actions) == [
        {
            "run": False,
            "take": False,
            "kind": "base",
            "name": "BUILDER_OLD_1",
            "digest": TARGETS.builder(FIRST).digest,
            "reason": "same inputs",
            "combinations": [FIRST.id],
        },
        {
            "run": True,
            "take": False,
            "kind": "base",
            "name": "RUNTIME",
            "digest": TARGETS.base("RUNTIME").digest,
            "reason": "never built before",
            "combinations": [FIRST.id],
        },
        {
            "run": True,
            "take": False,
            "kind": "modules",
            "name": "6.1.0-56-cloud-amd64/535.309.01/proprietary",
            "digest": modules.digest,
            "reason": "never built before",
            "combinations": [FIRST.id],
        },
    ]


def test_a_plan_as_a_table_says_run_or_skip(capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(TARGETS, [FIRST], FakeBuildState([TARGETS.builder(FIRST)]), last=Kind.BASE)
    build_output.print_plan(plan.actions)

    assert [line.strip().split(maxsplit=3) for line in capsys.readouterr().out.splitlines()] == [
        ["plan"],
        ["what", "name", "reason"],
        ["SKIP", "base", "BUILDER_OLD_1", "same inputs"],
        ["RUN", "base", "RUNTIME", "never built before"],
    ]


def made(tmp_path: Path, before: FakeBuildState, *, failed: list[Target] | None = None) -> BuildResult:
    """Return the result of a run that took a second for each target; the images that did not fail exist."""
    plan = make_plan(TARGETS, MATRIX.combinations, before)
    ran = [action.target for action in plan.actions if action.run]
    errors: dict[str, InstallerError] = {t.digest: DependencyFailedError(t.digest) for t in failed or []}
    images = [
        local_image(f"{REPOSITORY}:{tag}", digest=target.digest)
        for tag, target in zip(TAGS, map(TARGETS.image, MATRIX.combinations), strict=True)
        if target.digest not in errors
    ]
    return BuildResult(
        targets=TARGETS,
        combinations=MATRIX.combinations,
        plan=plan,
        outcome=Outcome(seconds={target.digest: 1.04 for target in ran}, errors=errors) if ran else None,
        state=BuildState(Cache(tmp_path), FakeEngine(*images), PROJECT.component.image),
    )


def row(index: int, **changes: object) -> ResultRow:
    everything = ["archive", "base", "image", "modules", "userspace"]
    values: dict[str, object] = {
        "combination": MATRIX.combinations[index].id,
        "image": f"{REPOSITORY}:{TAGS[index]}",
        "moving_tag": f"{REPOSITORY}:{MOVING[index]}",
        "id": f"sha256:{REPOSITORY}:{TAGS[index]}",
        "size": 42_000_000,
        "seconds": 0.0,
        "reused": everything,
        "made": [],
        "failed": [],
    }
    return ResultRow(**{**values, **changes})  # type: ignore[arg-type]


def test_a_run_that_made_everything(tmp_path: Path) -> None:
    everything = ["archive", "base", "image", "modules", "userspace"]

    assert build_output.result_rows(made(tmp_path, FakeBuildState())) == [
        row(0, seconds=6.2, reused=[], made=everything),
        row(1, seconds=8.3, reused=[], made=everything),
    ]


def test_a_run_that_had_nothing_to_do(tmp_path: Path) -> None:
    assert build_output.result_rows(made(tmp_path, FakeBuildState(every_target(PROJECT)))) == [row(0), row(1)]


def test_a_run_that_made_the_images_only(tmp_path: Path) -> None:
    before = FakeBuildState(target for target in every_target(PROJECT) if target.kind is not Kind.IMAGE)
    reused = ["archive", "base", "modules", "userspace"]

    assert build_output.result_rows(made(tmp_path, before)) == [
        row(index, seconds=1.0, reused=reused, made=["image"]) for index in (0, 1)
    ]


def broken(tmp_path: Path) -> BuildResult:
    failed = [
        TARGETS.modules(SECOND, ModuleType.OPEN),
        TARGETS.archive(SECOND, ModuleType.OPEN),
        TARGETS.image(SECOND),
    ]
    before = FakeBuildState(target for target in every_target(PROJECT) if target not in (*failed, TARGETS.image(FIRST)))
    return made(tmp_path, before, failed=failed)


def test_a_run_in_which_one_combination_failed(tmp_path: Path) -> None:
    assert build_output.result_rows(broken(tmp_path)) == [
        row(0, seconds=1.0, reused=["archive", "base", "modules", "userspace"], made=["image"]),
        row(
            1,
            id=None,
            size=None,
            seconds=3.1,
            reused=["archive", "base", "modules", "userspace"],
            failed=["archive", "image", "modules"],
        ),
    ]


@pytest.mark.parametrize(
    ("ran", "endings"),
    [
        ("everything", [f"{TAGS[0]}  42 MB  6  nothing", f"{TAGS[1]}  42 MB  8  nothing"]),
        ("nothing", [f"{TAGS[0]}  42 MB  0  everything", f"{TAGS[1]}  42 MB  0  everything"]),
        (
            "broken",
            [
                f"{TAGS[0]}  42 MB  1  archive, base, modules, userspace",
                "FAILED: archive, image, modules  –  3  archive, base, modules, userspace",
            ],
        ),
    ],
)
def test_a_build_ends_with_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ran: str, endings: list[str]
) -> None:
    run = {
        "everything": lambda: made(tmp_path, FakeBuildState()),
        "nothing": lambda: made(tmp_path, FakeBuildState(every_target(PROJECT))),
        "broken": lambda: broken(tmp_path),
    }[ran]()
    build_output.print_results(run)
    lines = capsys.readouterr().out.splitlines()

    assert [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines] == [
        [REPOSITORY],
        ["combination", "tag", "size", "seconds", "reused"],
        *([c.id, *ending.split("  ")] for c, ending in zip(MATRIX.combinations, endings, strict=True)),
    ]
