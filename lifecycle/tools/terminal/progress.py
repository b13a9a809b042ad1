"""The progress display on stderr: live lines on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lifecycle.errors import printable

if TYPE_CHECKING:
    from lifecycle.tools.terminal.console import OutputConsole
    from lifecycle.tools.terminal.live_rows import LiveRows


class Progress:
    """The display of one task, on stderr if no console is given. Several threads may show steps at the same time.

    `warnings` are those that were printed until now.
    """

    def __init__(self, console: "OutputConsole | None" = None) -> None:
        self._console = console
        self._live: LiveRows | None = None
        self._users = 0
        self.warnings: list[str] = []
        self._lock = threading.Lock()

    @property
    def console(self) -> "OutputConsole":
        """The console that is written to."""
        with self._lock:
            if self._console is None:
                from lifecycle.tools.terminal.console import OutputConsole

                self._console = OutputConsole(stderr=True, highlight=False)
            return self._console

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line, which a narrow terminal wraps itself. The work goes on if nobody reads it any more."""
        from rich.console import Group
        from rich.text import Text

        # With the option `soft_wrap` of `print`, the rows of the display would be wider than the terminal too.
        line = Text(printable(text), style or "", no_wrap=True, overflow="ignore")
        with suppress(BrokenPipeError):
            self.console.print(Group(line), crop=False)

    def warn(self, text: str) -> None:
        """Print a warning, and note it."""
        self.warnings.append(text)
        self.say(f"WARNING: {text}", "bold yellow")

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[], None]]:
        """Show a step while the block runs, then its result and duration.

        Yields a function that marks the step as failed, for a failure without an exception.
        """
        failed = False

        def fail() -> None:
            nonlocal failed
            failed = True

        started = time.monotonic()
        with self._display() as live:
            row = live.add_step(printable(title)) if live else None
            if live is None:
                self.say(f"{title} …")
            try:
                yield fail
            except BaseException:
                failed = True
                raise
            finally:
                sign, style = ("✗", "red") if failed else ("✓", "green")
                if live and row is not None:
                    live.remove_step(row)
                self.say(f"{sign} {title} ({time.monotonic() - started:.1f} s)", style)

    @contextmanager
    def bytes(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a transfer of `total` bytes while the block runs; yields a function to call with each number of new bytes."""
        started = time.monotonic()
        with self._display() as live:
            row = live.add_transfer(printable(title), total) if live else None
            if live is None:
                self.say(f"{title} ({total / 1e6:.0f} MB) …")

            def advance(count: int) -> None:
                if live and row is not None:
                    live.advance_transfer(row, count)

            try:
                yield advance
                seconds = time.monotonic() - started
                self.say(f"✓ {title}, {total / 1e6:.0f} MB ({seconds:.1f} s)", "green")
            finally:
                if live and row is not None:
                    live.remove_transfer(row)

    @contextmanager
    def _display(self) -> "Iterator[LiveRows | None]":
        """Yield the live display of a terminal, or None elsewhere. Its first user starts it, and its last one stops it."""
        if not self.console.is_terminal:
            yield None
            return
        with self.console.writing:
            if self._live is None:
                from lifecycle.tools.terminal.live_rows import LiveRows

                self._live = LiveRows(self.console)
                self._live.start()
            self._users += 1
            live = self._live
        try:
            yield live
        finally:
            with self.console.writing:
                self._users -= 1
                if not self._users:
                    live.stop()
                    self._live = None
