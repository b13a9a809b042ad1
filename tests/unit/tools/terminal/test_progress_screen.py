"""The progress display as a terminal shows it, by a terminal emulator."""

import io
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

import pyte
import pytest

from lifecycle.tools.terminal.console import OutputConsole
from lifecycle.tools.terminal.progress import Progress

HEIGHT = 12
LONG = "modules debian-13/6.12.118+deb13-cloud-amd64/550.163.01/open"
RESULT = re.compile(r"✓ .*\(\d+\.\d s\)")


class Terminal:
    """A terminal of a width, and the display that writes to it."""

    def __init__(self, width: int) -> None:
        self._written = io.StringIO()
        self.screen = pyte.HistoryScreen(width, HEIGHT, history=1000)
        self._stream = pyte.Stream(self.screen)
        console = OutputConsole(
            file=self._written, force_terminal=True, width=width, height=HEIGHT, color_system=None, legacy_windows=False
        )
        self.display = Progress(console)

    def lines(self) -> list[str]:
        """Return the lines of the scrollback and of the screen without the empty ones at the end."""
        self._stream.feed(self._written.getvalue().replace("\n", "\r\n"))
        self._written.seek(0)
        self._written.truncate()
        above = ["".join(line[x].data for x in range(self.screen.columns)) for line in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display]).rstrip().splitlines()


@contextmanager
def running(display: Progress, titles: Iterable[str]) -> Iterator[None]:
    """Run a step for each title; all of them run until the block ends."""
    with ExitStack() as steps:
        for title in titles:
            steps.enter_context(display.step(title))
        yield


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("count", [1, 5, 30])
def test_nothing_but_results_stays_behind(width: int, count: int) -> None:
    terminal = Terminal(width)
    with running(terminal.display, (f"step {number}" for number in range(count))):
        terminal.display.say("a line")

    lines = terminal.lines()
    assert lines[0] == "a line"
    assert len(lines) == count + 1
    assert all(RESULT.fullmatch(line) for line in lines[1:])


@pytest.mark.parametrize("width", [40, 80])
def test_each_running_step_and_transfer_has_one_row(width: int) -> None:
    terminal = Terminal(width)
    with terminal.display.bytes("download of 12 files", 10_000_000) as advance:
        advance(5_000_000)
        with running(terminal.display, [LONG, LONG, LONG]):
            terminal.display.say("a line")
            lines = terminal.lines()

    assert lines[0] == "a line"
    assert len(lines) == 1 + 3 + 1
    assert ["MB" in line for line in lines] == [False] * 4 + [width == 80]
    assert all("?" not in line for line in lines)


def test_a_result_leaves_the_rows_of_what_still_runs() -> None:
    terminal = Terminal(80)
    with terminal.display.step("outer"):
        with terminal.display.step("inner"):
            pass
        terminal.display.say("a line")

        lines = terminal.lines()
        assert RESULT.fullmatch(lines[0])
        assert lines[1] == "a line"
        assert "outer" in lines[2]
        assert len(lines) == 3


def test_no_result_is_lost_while_the_rows_are_refreshed() -> None:
    # Each round lost a line in one of four, before one lock was held by all writers.
    for _ in range(10):
        terminal = Terminal(200)
        with running(terminal.display, map(str, range(30))):
            pass

        assert len(terminal.lines()) == 30


def test_no_result_is_lost_while_others_write_to_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    for _ in range(4):
        terminal, ended = Terminal(200), threading.Event()
        with terminal.display.step("outer"):
            # rich takes over what is written to sys.stderr while its rows are shown.
            writer = threading.Thread(target=_write, args=(sys.stderr, ended))
            writer.start()
            with running(terminal.display, map(str, range(20))):
                pass
            ended.set()
            writer.join()

        assert len([line for line in terminal.lines() if RESULT.fullmatch(line)]) == 21


def _write(stream: TextIO, ended: threading.Event) -> None:
    # Fewer lines than the terminal's scrollback has.
    for _ in range(900):
        if ended.is_set():
            break
        stream.write("a warning\n")
