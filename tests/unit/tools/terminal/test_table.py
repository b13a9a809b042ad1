"""Tests of tables: each form, and that no word is broken and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.tools.terminal.table import aligned, fitted, print_table

COLUMNS = ["", "combination", "size", "reason"]
ROWS = [
    ["RUN", "debian-12/6.1.0-56-cloud-amd64/535.309.01", "179 MB", "recipe: scripts/builder/compile.sh changed"],
    ["RUN", "debian-13/6.12.118+deb13-cloud-amd64/550.163.01", "9 MB", "recipe: scripts/builder/compile.sh changed"],
]


def test_a_table_that_fits_has_a_line_for_each_row() -> None:
    assert fitted(COLUMNS, ROWS, 200) == aligned(COLUMNS, ROWS)
    assert [len(line) == len(line.rstrip()) for line in aligned(COLUMNS, ROWS)] == [True] * 3


def test_numbers_are_aligned_at_their_ends() -> None:
    assert aligned(["size", "name"], [["12", "a"], ["3", "b"]]) == ["size  name", "  12  a", "   3  b"]


def test_a_reason_that_does_not_fit_stands_once_below() -> None:
    lines = fitted(COLUMNS, ROWS, 80)
    assert [line.split()[-1] for line in lines[:3]] == ["reason", "[1]", "[1]"]
    assert lines[3:] == ["", "[1] recipe: scripts/builder/compile.sh changed"]


def test_a_narrow_terminal_gets_a_block_for_each_row() -> None:
    assert fitted(COLUMNS, ROWS, 40)[:3] == [
        "RUN debian-12/6.1.0-56-cloud-amd64/535.309.01",
        "  size    179 MB",
        "  reason  [1]",
    ]


def test_notes_are_wrapped_between_words() -> None:
    assert fitted(COLUMNS, ROWS, 40)[-2:] == ["[1] recipe: scripts/builder/compile.sh", "    changed"]


@given(
    st.lists(st.lists(st.text("ab -/", max_size=30), min_size=3, max_size=3), max_size=5),
    st.integers(min_value=1, max_value=120),
)
def test_every_word_of_every_cell_is_printed_whole(rows: list[list[str]], width: int) -> None:
    printed = "\n".join(fitted(["first", "second", "third"], rows, width)).split()
    for row in rows:
        for word in " ".join(row).split():
            assert word in printed


@given(st.lists(st.tuples(st.text("ab", min_size=1, max_size=20), st.text("cd ", max_size=90)), min_size=1, max_size=5))
def test_texts_fit_the_terminal(rows: list[tuple[str, str]]) -> None:
    words = max((len(word) for row in rows for word in row[1].split()), default=0)
    lines = fitted(["name", "reason"], rows, 80)
    assert max(map(len, lines)) <= 80 or words > 60


def test_no_rows_print_the_head_alone() -> None:
    assert fitted(["a", "b"], [], 10) == ["a  b"]


def test_control_characters_are_visible(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ["name"], [["a\x1b[2J"]])
    assert capsys.readouterr().out == "name\na\\x1b[2J\n"


def test_without_a_terminal_no_line_has_spaces_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("title", COLUMNS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line == line.rstrip() for line in lines)
