import io

import pytest

from lifecycle.tools.terminal.plain_text import ERRORS


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
