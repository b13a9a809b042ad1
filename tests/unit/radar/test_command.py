import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.errors import InstallerError
from lifecycle.planning.selector import NothingSelectedError
from lifecycle.planning.targets import Targets
from lifecycle.radar.coming import NoSuchKernelError
from lifecycle.radar.command import (
    DriversBreakError,
    NoArchiveError,
    NotJudgedError,
    OutputIsAFileError,
    RadarRequest,
    show_radar,
)
from lifecycle.radar.failures import remember_failure
from lifecycle.radar.model import Verdict
from lifecycle.radar.scratch import scratch_project
from lifecycle.sources.apt.index import ArchiveUpdateError
from tests.support.radar.coming_kernels import NEXT, KernelArchive, next_kernel
from tests.support.radar.results import CAUSE
from tests.support.radar.sessions import SUITE, RadarSession, radar_session

NO_ANSWER = ArchiveUpdateError("new", "E: it does not answer\n")


def session(
    folder: Path, archives: Mapping[str, KernelArchive | InstallerError] = SUITE, verdict: Verdict | None = None
) -> RadarSession:
    """Return a session in whose cache each set of modules of the next kernel has a verdict, if one is given."""
    made = radar_session(folder, archives)
    scratch = scratch_project(made.given, next_kernel(made.given, folder))
    targets = Targets(scratch)
    for c in scratch.matrix.combinations if verdict else ():
        for t in c.module_types:
            target = targets.compiled(c, t)
            if verdict is Verdict.FITS:
                with made.cache.making(target.kind, target.digest, {"modules": {"nvidia.ko": {}}}):
                    pass
            else:
                remember_failure(made.cache, target, Verdict.BREAKS, CAUSE)
    return made


def test_drivers_that_fit_end_well_with_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    following = show_radar(session(tmp_path, verdict=Verdict.FITS), RadarRequest(), as_json=False)

    assert following == ""
    assert "3 of 3 sets of modules fit" in capsys.readouterr().out
    assert (tmp_path / "build/radar/radar.md").read_text().count("| fits |") == 3


def test_a_kernel_that_is_there_already_leads_to_the_update(tmp_path: Path) -> None:
    here = session(tmp_path, {"new": SUITE["new-proposed-updates"]}, Verdict.FITS)

    assert show_radar(here, RadarRequest(), as_json=False) == "invoke update --dry-run"


def test_breaks_are_named_after_the_report_is_written(tmp_path: Path) -> None:
    with pytest.raises(DriversBreakError, match=rf"new-2/{NEXT}/550\.163\.01 open will break") as raised:
        show_radar(session(tmp_path, verdict=Verdict.BREAKS), RadarRequest(), as_json=False)

    assert raised.value.exit_code == 1
    assert (tmp_path / "build/radar/radar.json").exists()


def test_a_dry_run_writes_nothing_and_is_followed_by_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_radar(session(tmp_path), RadarRequest(dry_run=True), as_json=False) is None
    assert capsys.readouterr().out.count("not compiled yet") == 4
    assert not (tmp_path / "build").exists()


def test_a_dry_run_with_nothing_left_has_no_next_step(tmp_path: Path) -> None:
    assert show_radar(session(tmp_path, verdict=Verdict.FITS), RadarRequest(dry_run=True), as_json=False) == ""


def test_a_machine_that_cannot_compile_is_no_break(tmp_path: Path) -> None:
    with pytest.raises(NotJudgedError, match="could not be judged"):
        show_radar(session(tmp_path), RadarRequest(only="550"), as_json=False)


def test_the_json_on_stdout_is_that_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_radar(session(tmp_path, verdict=Verdict.FITS), RadarRequest(folder=str(tmp_path / "out")), as_json=True)

    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "out/radar.json").read_text())


def test_one_archive_that_does_not_answer_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = session(tmp_path, {**SUITE, "old": NO_ANSWER}, Verdict.FITS)
    show_radar(here, RadarRequest(), as_json=False)

    assert "not asked: old-1: old: the archive of new cannot be used" in capsys.readouterr().out
    assert "WARNING: old-1: old" in here.said.getvalue()


def test_no_archive_that_answers_is_an_error(tmp_path: Path) -> None:
    here = session(tmp_path, dict.fromkeys(("old", "new", "new-proposed-updates"), NO_ANSWER))
    with pytest.raises(NoArchiveError, match="nothing is known") as raised:
        show_radar(here, RadarRequest(), as_json=False)

    assert raised.value.exit_code == 1


def test_selectors_and_globs_of_nothing_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(NothingSelectedError):
        show_radar(session(tmp_path), RadarRequest(only="999"), as_json=False)
    with pytest.raises(NoSuchKernelError) as raised:
        show_radar(session(tmp_path), RadarRequest(kernels="1.*"), as_json=False)

    assert raised.value.exit_code == 2


def test_a_folder_for_the_report_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputIsAFileError):
        show_radar(session(tmp_path), RadarRequest(folder=str(tmp_path / "file")), as_json=False)


def test_the_summary_of_a_job_gets_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    show_radar(session(tmp_path, verdict=Verdict.FITS), RadarRequest(), as_json=False)

    assert "### 6.12.119-cloud-amd64 (6.12.119-1) from new-proposed-updates" in (tmp_path / "summary").read_text()
