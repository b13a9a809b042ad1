"""The summary of a CI job: which tables it gets, and their Markdown."""

from pathlib import Path

import pytest

from lifecycle.app import build_output, output
from lifecycle.app.job_summary import VARIABLE, add_table, markdown_table
from lifecycle.planning.plan import make_plan
from lifecycle.planning.targets import Targets
from tests.support.builders.projects import project
from tests.support.fakes.build_state import FakeBuildState

COLUMNS = ["", "what"]
ROWS = [["RUN", "debian-12"], ["SKIP", "535"]]
TEXT = "### plan\n\n|  | what |\n| --- | --- |\n| RUN | debian-12 |\n| SKIP | 535 |\n\n"


def test_a_table_has_a_heading_and_a_line_for_each_row() -> None:
    assert markdown_table("plan", COLUMNS, ROWS) == TEXT


@pytest.mark.parametrize(
    ("cell", "markdown"),
    [
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("a\nb", "a<br>b"),
        ("<b> & c", r"\<b\> \& c"),
        ("*_x_* `y` [z]", r"\*\_x\_\* \`y\` \[z\]"),
        ("\x1b[1mx", r"\\x1b\[1mx"),
        ("6.12.118+deb13-cloud-amd64", "6.12.118+deb13-cloud-amd64"),
    ],
)
def test_a_cell_is_shown_as_it_is(cell: str, markdown: str) -> None:
    assert f"| {markdown} |\n" in markdown_table("", ["x"], [[cell]])


def test_tables_are_appended_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    add_table("plan", COLUMNS, ROWS, {VARIABLE: str(file)})
    add_table("plan", COLUMNS, ROWS, {VARIABLE: str(file)})

    assert file.read_text() == f"before\n{TEXT}{TEXT}"


@pytest.mark.parametrize("environ", [{}, {VARIABLE: ""}])
def test_without_the_variable_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    add_table("plan", COLUMNS, ROWS, environ)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    add_table("plan", COLUMNS, ROWS, {VARIABLE: str(tmp_path)})

    assert caplog.messages == [f"WARNING: the job summary cannot be written: {tmp_path}: Is a directory"]


def test_a_table_beyond_the_limit_is_left_out_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "summary.md"
    add_table("long", ["x"], [["y" * 1_048_000]], {VARIABLE: str(file)})
    add_table("more", ["x"], [["y" * 1_000]], {VARIABLE: str(file)})

    assert file.read_text().count("###") == 1
    assert caplog.messages == ["WARNING: the job summary lacks the table 'more': it would be larger than 1 MiB"]


def test_a_table_for_the_summary_is_printed_too_and_another_one_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "summary.md"))
    output.print_table("plan", COLUMNS, iter(ROWS), in_summary=True)
    output.print_table("other", COLUMNS, ROWS)

    assert (tmp_path / "summary.md").read_text() == TEXT
    assert capsys.readouterr().out.count("debian-12") == 2


def test_the_plan_of_a_build_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "summary.md"))
    targets = Targets(project())
    plan = make_plan(targets, targets.project.matrix.combinations, FakeBuildState())
    build_output.print_plan(plan.actions)
    lines = (tmp_path / "summary.md").read_text().splitlines()

    assert lines[:4] == ["### plan", "", "|  | what | name | reason |", "| --- | --- | --- | --- |"]
    assert len(lines) == 4 + len(plan.actions) + 1
