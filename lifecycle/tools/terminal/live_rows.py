"""The rows of the progress display on a terminal: one line for each running step or transfer, never wider than the terminal."""

import threading

from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from lifecycle.tools.terminal.console import OutputConsole

# On a narrower terminal, a transfer has its title and its time only.
_WIDE = 60
_INTERVAL = 0.1  # seconds between two refreshes


class _SpeedColumn(TransferSpeedColumn):
    """The speed of a transfer; nothing until it is known."""

    def render(self, task: Task) -> Text:
        """Return the text of a row."""
        return super().render(task) if task.finished_speed or task.speed else Text()


class LiveRows:
    """A display that leaves nothing on the terminal when it stops. Long titles are cut, because a row of two lines would stay.

    It is started and stopped with `console.writing` held, so that no other thread writes in between.
    """

    def __init__(self, console: OutputConsole) -> None:
        of_bytes = (BarColumn(bar_width=20), DownloadColumn(), _SpeedColumn()) if console.width >= _WIDE else ()
        self._steps = _rows(console)
        self._transfers = _rows(console, *of_bytes)
        self._live = Live(Group(self._steps, self._transfers), console=console, transient=True, auto_refresh=False)
        self._writing = console.writing
        self._ended = threading.Event()

    def start(self) -> None:
        """Show the rows."""
        self._live.start()
        threading.Thread(target=self._refresh, daemon=True).start()

    def stop(self) -> None:
        """Remove the rows from the terminal."""
        self._ended.set()
        self._live.stop()

    def _refresh(self) -> None:
        while not self._ended.wait(_INTERVAL):
            with self._writing:
                if not self._ended.is_set():
                    self._live.refresh()

    def add_step(self, title: str) -> TaskID:
        """Add a row for a step, and return its number."""
        return self._steps.add_task(title, total=None)

    def remove_step(self, row: TaskID) -> None:
        """Remove the row of a step."""
        self._steps.remove_task(row)

    def add_transfer(self, title: str, total: int) -> TaskID:
        """Add a row for a transfer of `total` bytes, and return its number."""
        return self._transfers.add_task(title, total=total)

    def advance_transfer(self, row: TaskID, count: int) -> None:
        """Add bytes to those that a transfer has done."""
        self._transfers.advance(row, count)

    def remove_transfer(self, row: TaskID) -> None:
        """Remove the row of a transfer."""
        self._transfers.remove_task(row)


def _rows(console: OutputConsole, *columns: ProgressColumn) -> Progress:
    title = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=title),
        *columns,
        TimeElapsedColumn(),
        console=console,
        expand=True,
    )
