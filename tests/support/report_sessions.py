"""Sessions and reports of synthetic checkouts with any number of releases, some images of which are built, tested and booted."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.synthetic import write_checkout
from lifecycle.attest.predicates import BootProof, InputFile, ModuleLoad, SuiteResult, TestsPassed
from lifecycle.cache.cache import BOOTED, TESTED, file_name
from lifecycle.cache.evidence import note_evidence
from lifecycle.cache.last_build import Cores, LastBuild, Phase, Step, note_last_build
from lifecycle.gitops.rollout_state import MERGED, PROPOSED
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.release.status import Row
from lifecycle.report.facts import Report, ReportRequest, read_report
from lifecycle.report.picture import picture_of
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from tests.support.checkout import ROOT, copy_parts
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession

AT = datetime(2026, 11, 29, 17, 5, tzinfo=UTC)
CONSOLE = "[    0.1] Linux\r\n[    3.2] nvidia: loading\x1b[0m <script>alert(1)</script>\n"


def local_image(project: LockedProject, combination: Combination) -> LocalImage:
    """Return the image of a combination as an engine lists it."""
    image, digest = project.component.image, Targets(project).image(combination).digest
    return LocalImage(
        id=f"sha256:{digest}",
        tags=(f"{image.registry}/{image.repository}:{digest[:12]}",),
        size=179_000_000,
        labels={LABEL_DIGEST: digest},
    )


def boot_proof(combination: Combination, console_sha256: str) -> BootProof:
    """Return the proof of a boot."""
    return BootProof(
        combination=combination.id,
        kernel_release=combination.kernel,
        kernel=(InputFile(name="linux-image", version="1", sha256="a" * 64),),
        loads=tuple(ModuleLoad(module_type=t, modules=("nvidia", "nvidia_uvm")) for t in combination.module_types),
        seconds=95.9,
        console_sha256=console_sha256,
        recorded_at=AT,
    )


def tests_passed(combination: Combination) -> TestsPassed:
    """Return the record of passed tests."""
    suite = SuiteResult(name="tests/images", passed=24, skipped=3)
    return TestsPassed(combination=combination.id, suites=(suite,), versions={"pytest": "9"}, recorded_at=AT)


def step(
    title: str, kind: str, started: float, seconds: float, *, worker: int = 0, needs: tuple[str, ...] = ()
) -> Step:
    """Return a step that makes a target with its title as the digest."""
    return Step(
        title=title,
        kind=kind,
        name=title,
        makes=(title,),
        needs=needs,
        started=started,
        seconds=seconds,
        worker=worker,
        failed=False,
    )


def last_build(*steps: Step, seconds: float = 412.5) -> LastBuild:
    """Return a build of two cores with some steps."""
    return LastBuild(
        started=AT,
        seconds=seconds,
        combinations=4,
        compiles=2,
        jobs=2,
        reused={"userspace": 2},
        taken={},
        phases=(Phase(title="fetch inputs", started=0.2, seconds=9.8), Phase(title="build", started=10, seconds=402)),
        steps=steps,
        cores=Cores(started=10, seconds=4, busy=((90,) * 100, (20, 80) * 50)),
    )


def two_compiles() -> LastBuild:
    """Return a build in which an image waits for the longer one of two compiles, and that for a base."""
    return last_build(
        step("base image builder", "base", 10, 60),
        step("compile new", "modules", 70, 240, needs=("base image builder",)),
        step("compile old", "modules", 75, 100, worker=1, needs=("base image builder",)),
        step("image new", "image", 330, 82, needs=("compile new", "compile old")),
    )


def report_session(folder: Path, releases: int) -> FakeSession:
    """Return a session of 8 drivers × 2 architectures × some releases, with the evidence of `session_of`."""
    project = write_checkout(ROOT, folder, releases=releases, registry="localhost:5000")
    return session_of(project, folder / "cache")


def own_session(folder: Path) -> FakeSession:
    """Return a session of a copy of this checkout, with the evidence of `session_of`."""
    (folder / "checkout").mkdir()
    copy_parts(folder / "checkout")
    return session_of(load_locked_project(folder / "checkout"), folder / "cache")


def session_of(project: LockedProject, cache: Path) -> FakeSession:
    """Return a session of a project. Of each four combinations, three are built, two of them tested, and one of them booted."""
    combinations = project.matrix.combinations
    images = {c: local_image(project, c) for number, c in enumerate(combinations) if number % 4}
    session = FakeSession(project, cache, FakeEngine(*images.values()))
    session.root = project.root
    for number, c in enumerate(combinations):
        if number % 4 >= 2:
            note_evidence(session.cache, TESTED, images[c].id, tests_passed(c).model_dump(mode="json", by_alias=True))
        if number % 4 == 3:
            proof = boot_proof(c, _console(session.root, c)).model_dump(mode="json", by_alias=True)
            note_evidence(session.cache, BOOTED, images[c].id, proof)
    note_last_build(session.cache, two_compiles())
    return session


def _console(root: Path, combination: Combination) -> str:
    path = root / "build/node" / file_name(combination.id) / "console.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONSOLE.encode())
    return sha256_of(path)


def busy_report(session: FakeSession, request: ReportRequest) -> Report:
    """Return the report of a session, in whose picture images are also pushed, proposed, merged and in node pools."""
    report, matrix = read_report(session, request), session.given.matrix
    booted = {one.combination.id: one.evidence.boot is not None for one in report.contents}
    rows: Mapping[str, Row] = {c.id: _row(number, c) for number, c in enumerate(matrix.combinations)}
    return replace(report, picture=picture_of(matrix.combinations, report.excluded, rows, booted, engine=True))


def _row(number: int, c: Combination) -> Row:
    pushed, proposed, merged = number % 4 == 3, number % 8 == 3, number % 8 == 7
    return Row(
        combination=c.id,
        built=number % 4 > 0,
        tested=number % 4 > 1,
        pushed="sha256:1" if pushed else "",
        gitops=MERGED if merged else PROPOSED if proposed else "",
        pools=("infer-s-v2",) if number % 16 == 7 else (),
        next="" if merged else ("invoke build", "nox -s test_images", "invoke push", "merge our/branch")[number % 4],
    )
