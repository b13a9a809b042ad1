from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.app.job_summary import VARIABLE
from lifecycle.report.command import OutputIsAFileError, show_report
from lifecycle.report.facts import ReportRequest
from lifecycle.report.summary import add_summary
from tests.support.fakes.sessions import FakeSession
from tests.support.report_sessions import busy_report

ONLY = "gardenlinux-2000.0/*-amd64"
REQUEST = ReportRequest(only=ONLY, offline=True)


def test_the_page_is_below_build_by_default(changeable: FakeSession, capsys: pytest.CaptureFixture[str]) -> None:
    show_report(changeable, REQUEST, output="")

    assert (changeable.root / "build/report/index.html").read_text().startswith("<!doctype html>")
    assert capsys.readouterr().out.startswith("build/report/index.html  ")


def test_the_page_is_written_into_the_named_folder(
    wide: FakeSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_report(wide, REQUEST, output=str(tmp_path / "a/b"))

    assert capsys.readouterr().out.startswith(f"{tmp_path}/a/b/index.html  ")
    assert (tmp_path / "a/b/index.html").is_file()


def test_a_file_in_place_of_the_folder_is_a_mistake(wide: FakeSession, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputIsAFileError, match=r"--output: .*/file is a file"):
        show_report(wide, REQUEST, output=str(tmp_path / "file"))


def test_the_summary_of_a_job_has_the_matrix_as_markdown(wide: FakeSession, tmp_path: Path) -> None:
    report, file = busy_report(wide, replace(REQUEST, only="")), tmp_path / "summary.md"
    add_summary(report, {VARIABLE: str(file)})
    text = file.read_text()

    assert "### nvidia-installer 1.0.0: the matrix" in text
    assert "| OS release | kernel | channel | 535.309.01 | 550.163.01 |" in text
    assert "| gardenlinux-2000.0 | 6.12.100-cloud-amd64 | previous | not built → invoke build | built →" in text
    assert "| proposed in GitOps → merge our/branch |" in text
    assert "| merged in GitOps, in infer-s-v2 |" in text
    assert "### holes" in text
    assert "| compile new | 4 min 00 s | 0 s |" in text


def test_without_a_job_there_is_no_summary(wide: FakeSession, tmp_path: Path) -> None:
    add_summary(busy_report(wide, replace(REQUEST, only="")), {})

    assert list(tmp_path.iterdir()) == []
