"""Judgements of a coming kernel, with a compile that a container in memory does."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.build_service import BuildRequest, BuildResult
from lifecycle.pipeline.compile_errors import CompileFailedError, IncompatibleModulesError
from lifecycle.pipeline.executor import Outcome
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.plan import Plan
from lifecycle.planning.targets import Targets
from lifecycle.radar.coming import ComingKernel
from lifecycle.radar.judge import Judge
from lifecycle.radar.model import CauseKind, ModulesJudgement, Verdict
from lifecycle.tools.engine.errors import EngineUnreachableError
from tests.support.radar.coming_kernels import next_kernel, radar_project

OPEN, PROPRIETARY = ModuleType.OPEN, ModuleType.PROPRIETARY
MEMBER = "/build/open/nv.c:7:1: error: 'struct vma' has no member named 'gone'"
Errors = Mapping[tuple[str, ModuleType], str]


class Compiles:
    """A service that compiles what it is asked for into a cache; `errors` are the first lines of the types that fail."""

    def __init__(self, cache: Cache, errors: Errors | None = None, patches: Mapping[str, str] | None = None) -> None:
        self.cache, self.errors, self.patches = cache, dict(errors or {}), dict(patches or {})
        self.asked: list[list[tuple[str, ModuleType]]] = []

    def open(self, project: LockedProject) -> "Compiles":
        self.project = project
        return self

    def build(self, request: BuildRequest) -> BuildResult:
        assert (request.trial, request.locked) == (True, True)
        targets, combinations = Targets(self.project), self.project.matrix.combinations
        self.asked.append([(c.driver, t) for c in combinations for t in c.module_types])
        failed = {}
        for c in combinations:
            for t in c.module_types:
                target = targets.compiled(c, t)
                if (c.driver, t) in self.errors:
                    line = self.errors[c.driver, t]
                    error = IncompatibleModulesError(c, t, [line]) if line.startswith("nvidia.ko") else None
                    failed[target.digest] = error or CompileFailedError(c, t, Path("/log"), [line])
                    continue
                about: dict[str, object] = {"modules": {"nvidia.ko": {}}, "patches": self.patches}
                with self.cache.making(target.kind, target.digest, about):
                    pass
        return BuildResult(
            targets=targets,
            combinations=combinations,
            plan=Plan(actions=()),
            outcome=Outcome(seconds={}, errors=failed),
            state=None,  # type: ignore[arg-type]
        )


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def judged(
    project: LockedProject, coming: ComingKernel, service: Compiles, *, dry_run: bool = False
) -> dict[tuple[str, ModuleType], ModulesJudgement]:
    pairs = {("new-2", "535.309.01"), ("new-2", "550.163.01")}
    judge = Judge(project=project, cache=service.cache, pairs=pairs, open_builder=service.open)
    return {(m.driver, m.module_type): m for m in judge.judge(coming, dry_run=dry_run).modules}


@pytest.fixture
def project() -> LockedProject:
    return radar_project()


@pytest.fixture
def coming(project: LockedProject, tmp_path: Path) -> ComingKernel:
    return next_kernel(project, tmp_path)


ALL = [("535.309.01", PROPRIETARY), ("550.163.01", PROPRIETARY), ("550.163.01", OPEN)]


def test_modules_that_compile_fit(project: LockedProject, coming: ComingKernel, cache: Cache) -> None:
    service = Compiles(cache)
    found = judged(project, coming, service)

    assert {key: (m.verdict, m.new) for key, m in found.items()} == dict.fromkeys(ALL, (Verdict.FITS, True))


def test_what_is_known_is_not_compiled_again(project: LockedProject, coming: ComingKernel, cache: Cache) -> None:
    service = Compiles(cache, {("550.163.01", OPEN): MEMBER})
    judged(project, coming, service)
    again = judged(project, coming, service)

    assert service.asked == [ALL]
    assert [m.new for m in again.values()] == [False, False, False]
    assert again["550.163.01", OPEN].verdict is Verdict.BREAKS


def test_a_fault_of_the_machine_is_tried_again_and_alone(
    project: LockedProject, coming: ComingKernel, cache: Cache
) -> None:
    service = Compiles(cache, {("550.163.01", OPEN): "a.c:1:1: fatal error: error writing: No space left on device"})
    first = judged(project, coming, service)["550.163.01", OPEN]
    service.errors = {}
    second = judged(project, coming, service)["550.163.01", OPEN]

    assert (first.verdict, second.verdict) == (Verdict.NOT_JUDGED, Verdict.FITS)
    assert "No space left on device" in first.reason
    assert service.asked == [ALL, [("550.163.01", OPEN)]]


def test_a_break_has_its_cause(project: LockedProject, coming: ComingKernel, cache: Cache) -> None:
    found = judged(project, coming, Compiles(cache, {("550.163.01", OPEN): MEMBER}))["550.163.01", OPEN]

    assert found.cause
    assert (found.cause.kind, found.cause.place, found.cause.name) == (CauseKind.MEMBER, "nv.c:7", "gone")
    assert found.is_new_break


def test_modules_that_their_kernel_refuses_are_a_break(
    project: LockedProject, coming: ComingKernel, cache: Cache
) -> None:
    line = "nvidia.ko: imports foo, which nothing exports"
    found = judged(project, coming, Compiles(cache, {("550.163.01", OPEN): line}))["550.163.01", OPEN]

    assert (found.verdict, found.cause and found.cause.kind) == (Verdict.UNFIT, CauseKind.SYMBOL)


def test_a_dry_run_compiles_nothing(project: LockedProject, coming: ComingKernel, cache: Cache) -> None:
    service = Compiles(cache)
    found = judged(project, coming, service, dry_run=True)

    assert service.asked == []
    assert {m.verdict for m in found.values()} == {Verdict.UNKNOWN}


def test_a_machine_that_cannot_compile_judges_nothing(
    project: LockedProject, coming: ComingKernel, cache: Cache
) -> None:
    class NoEngine(Compiles):
        def build(self, request: BuildRequest) -> BuildResult:
            raise EngineUnreachableError("unix:///none", "no such file")

    found = judged(project, coming, NoEngine(cache))

    assert {m.verdict for m in found.values()} == {Verdict.NOT_JUDGED}
    assert not any(m.is_new_break for m in found.values())


def test_patches_in_the_modules_are_named(project: LockedProject, coming: ComingKernel, cache: Cache) -> None:
    patches = {"a.patch": "applied", "b.patch": "not needed"}
    found = judged(project, coming, Compiles(cache, patches=patches))["550.163.01", OPEN]

    assert (found.verdict, found.patches) == (Verdict.PATCHED, ("a.patch",))


def test_a_break_that_an_exclusion_foresees_is_not_new(tmp_path: Path, cache: Cache) -> None:
    rule = "    - {driverVersion: 535, moduleType: open, reason: there are no open modules of it}\n"
    more = '    - {driverVersion: 550.163.01, moduleType: open, kernel: ">=6.12.119", reason: a member is gone}\n'
    project = radar_project((rule, rule + more))
    service = Compiles(cache, {("550.163.01", OPEN): MEMBER})
    found = judged(project, next_kernel(project, tmp_path), service)["550.163.01", OPEN]

    assert (found.excluded, found.is_new_break) == ("a member is gone", False)


@pytest.mark.parametrize(("text", "helps"), [("-\tgone;", ("other.patch",)), ("-\tgone_far;", ())])
def test_a_patch_about_the_same_name_would_help(tmp_path: Path, cache: Cache, text: str, helps: tuple[str]) -> None:
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches/other.patch").write_text(text)
    series = PatchSeries(patches=[Patch(file="other.patch", driver_version="560", reason="another driver has it")])
    digests = {"other.patch": "1"}
    project = radar_project(series=series, patch_digests=digests, root=tmp_path)
    service = Compiles(cache, {("550.163.01", OPEN): MEMBER})
    found = judged(project, next_kernel(project, tmp_path), service)["550.163.01", OPEN]

    assert found.helps == helps


def test_a_patch_that_is_in_the_modules_already_is_no_hint(tmp_path: Path, cache: Cache) -> None:
    (tmp_path / "patches").mkdir()
    (tmp_path / "patches/other.patch").write_text("-\tgone;")
    series = PatchSeries(patches=[Patch(file="other.patch", driver_version="550", reason="this driver has it")])
    project = radar_project(series=series, patch_digests={"other.patch": "1"}, root=tmp_path)
    service = Compiles(cache, {("550.163.01", OPEN): MEMBER})
    found = judged(project, next_kernel(project, tmp_path), service)["550.163.01", OPEN]

    assert found.helps == ()


def test_a_record_of_another_version_is_compiled_again(
    project: LockedProject, coming: ComingKernel, cache: Cache
) -> None:
    service = Compiles(cache, {("550.163.01", OPEN): MEMBER})
    judged(project, coming, service)
    (record,) = (cache.root / "radar").iterdir()
    record.write_text('{"verdict": "of old"}')
    judged(project, coming, service)

    assert service.asked == [ALL, [("550.163.01", OPEN)]]


def test_drivers_that_are_not_selected_are_not_judged(
    project: LockedProject, coming: ComingKernel, cache: Cache
) -> None:
    service = Compiles(cache)
    judge = Judge(project=project, cache=cache, pairs={("new-2", "535.309.01")}, open_builder=service.open)
    judge.judge(coming, dry_run=False)

    assert service.asked == [[("535.309.01", PROPRIETARY)]]


def test_symbols_are_compared_with_the_modules_of_today(
    project: LockedProject, coming: ComingKernel, cache: Cache, ko: Path
) -> None:
    c = project.matrix.combinations[-1]
    today = Targets(project).compiled(c, OPEN)
    with cache.making(today.kind, today.digest, {}) as folder:
        (folder / "nvidia.ko").write_bytes(ko.read_bytes())
        (folder / "kernel.symvers").write_text("0x11111111\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n")
    judge = Judge(project=project, cache=cache, pairs={("new-2", "550.163.01")}, open_builder=Compiles(cache).open)
    (candidate,) = [one for one in judge.candidates(coming) if one.module_type is OPEN]
    with cache.making(candidate.target.kind, candidate.target.digest, {"modules": {"nvidia.ko": {}}}) as folder:
        (folder / "kernel.symvers").write_text("0x22222222\tprintk\tvmlinux\tEXPORT_SYMBOL_GPL\t\n")
    symbols = judged(project, coming, Compiles(cache), dry_run=True)["550.163.01", OPEN].symbols

    assert symbols
    assert (symbols.compared, symbols.changed, symbols.gpl_only) == (1, ("printk",), ("printk",))


def test_another_builder_is_a_different_kernel_to_judge(
    project: LockedProject, coming: ComingKernel, cache: Cache
) -> None:
    other = replace(coming, origin=replace(coming.origin, builder="old-1"))
    judge = Judge(project=project, cache=cache, pairs={("new-2", "550.163.01")}, open_builder=Compiles(cache).open)
    digests = [{c.target.digest for c in judge.candidates(kernel)} for kernel in (coming, other)]

    assert digests[0].isdisjoint(digests[1])
