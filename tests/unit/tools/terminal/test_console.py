import io

import pytest

from lifecycle.tools.terminal.console import OutputConsole


class ClosedPipe(io.StringIO):
    """An output whose reader has ended."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_the_end_of_the_reader_is_left_to_the_caller() -> None:
    with pytest.raises(BrokenPipeError):
        OutputConsole(file=ClosedPipe()).print("x")
