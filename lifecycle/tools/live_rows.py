"""The rows of the progress display on a terminal: one line for each running step or transfer, never wider than the terminal."""

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Column

# On a narrower terminal, a transfer has its title and its time only.
_WIDE = 60


class LiveRows:
    """A display that leaves nothing on the terminal when it stops. Long titles are cut, because a row of two lines would stay."""

    def __init__(self, console: Console) -> None:
        of_bytes = (BarColumn(bar_width=20), DownloadColumn(), TransferSpeedColumn()) if console.width >= _WIDE else ()
        self._steps = _rows(console)
        self._transfers = _rows(console, *of_bytes)
        self._live = Live(Group(self._steps, self._transfers), console=console, transient=True)

    def start(self) -> None:
        """Show the rows."""
        self._live.start()

    def stop(self) -> None:
        """Remove the rows from the terminal."""
        self._live.stop()

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


def _rows(console: Console, *columns: ProgressColumn) -> Progress:
    title = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=title),
        *columns,
        TimeElapsedColumn(),
        console=console,
        expand=True,
    )
