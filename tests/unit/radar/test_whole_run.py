"""A run of the radar with the real pipeline, in an engine in memory whose compiles fail."""

from pathlib import Path

import pytest

from lifecycle.cache.last_build import read_last_build
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.radar.command import RadarRequest, run_radar
from lifecycle.radar.model import CauseKind, RadarResult, Verdict
from lifecycle.radar.scratch import scratch_project
from tests.support.builders.projects import local_image
from tests.support.fakes.engine import FakeEngine
from tests.support.radar.coming_kernels import next_kernel
from tests.support.radar.sessions import RadarSession, radar_session

LOG = b"""\
/build/proprietary/nvidia/nv.c:7:1: error: implicit declaration of function 'in_irq'
make: *** Error 1
"""


@pytest.fixture
def session(tmp_path: Path) -> RadarSession:
    """Return a session with all inputs of the next kernel in the cache, in which each compile fails."""
    made = radar_session(tmp_path)
    types = ("proprietary", "open")
    files = {f"/out/{t}/{name}": text for t in types for name, text in {"make.log": LOG, "failed": b""}.items()}
    made.engine = FakeEngine(files={**files, "/out/kernel.symvers": b""})
    made.engine.program = lambda container: setattr(made.engine, "exit_code", int("compile.sh" in container.entrypoint))
    for path in ("scripts/builder/compile.sh", "dockerfiles/builder/Dockerfile"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("")
    scratch = scratch_project(made.given, next_kernel(made.given, tmp_path))
    targets = Targets(scratch)
    for c in scratch.matrix.combinations:
        for base in (targets.builder(c), targets.runtime(c)):
            made.engine.images_there.append(local_image(base_tag(base)))
        sources = scratch.lock.driver_for(c).modules.values()
        for file in [*scratch.lock.kernel_for(c).headers, *(one for files in sources for one in files)]:
            made.cache.part(file.sha256).write_text(f"{file.name} {file.version}")
            made.cache.keep_blob(made.cache.part(file.sha256), file.sha256)
    return made


def verdicts(result: RadarResult) -> set[Verdict]:
    return {m.verdict for k in result.kernels for m in k.modules}


def test_a_compile_that_fails_is_judged_by_its_log(session: RadarSession) -> None:
    result = run_radar(session, RadarRequest())
    causes = [m.cause for k in result.kernels for m in k.modules]

    assert verdicts(result) == {Verdict.BREAKS}, causes
    assert {(c.kind, c.name, c.place) for c in causes if c} == {(CauseKind.FUNCTION, "in_irq", "nvidia/nv.c:7")}
    assert len(result.breaks) == 3


def test_the_next_run_starts_no_container(session: RadarSession) -> None:
    run_radar(session, RadarRequest())
    first = len(session.engine.containers)
    result = run_radar(session, RadarRequest())

    assert first > 0
    assert len(session.engine.containers) == first
    assert verdicts(result) == {Verdict.BREAKS}


def test_a_run_is_no_build_that_the_report_shows(session: RadarSession) -> None:
    run_radar(session, RadarRequest())

    assert read_last_build(session.cache) is None
    assert "excludes nothing" not in session.said.getvalue()


def test_a_builder_without_the_compiler_judges_and_remembers_nothing(session: RadarSession) -> None:
    said = "this builder has no gcc-16, which the kernel is compiled with"
    session.engine.files = {"/out/empty": b""}
    session.engine.output = f"compile.sh: error: {said}\n".encode()
    result = run_radar(session, RadarRequest())

    assert verdicts(result) == {Verdict.NOT_JUDGED}
    assert {m.reason for k in result.kernels for m in k.modules} == {said}
    assert not (session.cache.root / "radar").exists()
