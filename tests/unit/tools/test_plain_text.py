import io

import pytest

from lifecycle.tools.plain_text import ERRORS, plain


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "koi8-r"])
def test_our_own_characters_have_a_spelling_in_each_encoding(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=ERRORS)
    stream.write("✓ a – b … ✗ → ü 漢")
    stream.flush()
    written = stream.buffer.getvalue().decode(encoding)
    assert "a" in written
    assert written.endswith("?")
    assert stream.errors == ERRORS


def test_ascii_spells_dashes_and_signs() -> None:
    assert "✓ 1 – 2 … é".encode("ascii", ERRORS) == b"+ 1 - 2 ... e"


def test_lines_and_tabs_stay_and_other_controls_are_visible() -> None:
    assert plain("a\n\tb\r\x1b\x9b") == "a\n\tb\\x0d\\x1b\\x9b"
