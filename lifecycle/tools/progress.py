"""What a person sees while things happen: live lines on a terminal, plain lines in CI. On stderr, always."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Live


class Progress:
    """The display of one task; `console` is stderr where none is given. Steps may run at the same time, from several threads."""

    def __init__(self, console: "Console | None" = None) -> None:
        self._console = console
        self._live: Live | None = None
        self._lock = threading.Lock()

    @property
    def console(self) -> "Console":
        """What is written to."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        return self._console

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """One line that must not be overlooked."""
        self.console.print(f"WARNING: {text}", style="bold yellow", markup=False)

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[], None]]:
        """Something that takes a while: shown while it runs, then with its seconds.

        Yields a function to call where it failed without an exception, since only a part of it did.
        """
        failed = False

        def fail() -> None:
            nonlocal failed
            failed = True

        started = time.monotonic()
        with self._display() as live:
            row = live.add_task(title, total=None) if live else None
            if live is None:
                self.say(f"{title} …")
            try:
                yield fail
            except BaseException:
                failed = True
                raise
            finally:
                sign, style = ("✗", "red") if failed else ("✓", "green")
                self.console.print(f"{sign} {title} ({time.monotonic() - started:.1f} s)", style=style, markup=False)
                if live and row is not None:
                    live.remove_task(row)

    @contextmanager
    def bytes(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Something measured in bytes; yields a function that is told how many more there are."""
        started = time.monotonic()
        done = 0
        with self._display() as live:
            row = live.add_task(title, total=total) if live else None
            if live is None:
                self.say(f"{title} ({total / 1e6:.0f} MB) …")

            def advance(count: int) -> None:
                nonlocal done
                done += count
                if live and row is not None:
                    live.update(row, completed=done)

            try:
                yield advance
                seconds = time.monotonic() - started
                self.console.print(f"✓ {title}, {total / 1e6:.0f} MB ({seconds:.1f} s)", style="green", markup=False)
            finally:
                if live and row is not None:
                    live.remove_task(row)

    @contextmanager
    def _display(self) -> "Iterator[Live | None]":
        """The one live display of a terminal, which the first that needs it starts and stops; None elsewhere."""
        if not self.console.is_terminal:
            yield None
            return
        with self._lock:
            owner = self._live is None
            if owner:
                self._live = _live(self.console)
                self._live.start()
        try:
            yield self._live
        finally:
            if owner and self._live:
                with self._lock:
                    self._live.stop()
                    self._live = None


def _live(console: "Console") -> "Live":
    from rich import progress

    return progress.Progress(
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=20),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeElapsedColumn(),
        console=console,
        transient=True,
    )
