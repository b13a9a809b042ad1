"""JSON, lines and sizes as they are printed."""

import json

import pytest

from lifecycle.app import output


def test_data_is_printed_as_json_with_its_letters(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"reason": "größer", "list": [1, None]})
    out = capsys.readouterr().out

    assert json.loads(out) == {"reason": "größer", "list": [1, None]}
    assert "größer" in out


def test_lines_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_lines(["[bold]a", "  b"])

    assert capsys.readouterr().out == "[bold]a\n  b\n"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 kB"), (1, "1 kB"), (4096, "5 kB"), (1_000_000, "1 MB"), (1_204_000_000, "1.20 GB")]
)
def test_room_is_written_for_people(size: int, text: str) -> None:
    assert output.format_size(size) == text
