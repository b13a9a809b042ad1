"""The rows of the progress display on a terminal: one line for each running step, never wider than the terminal."""

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

# Below it, a row has its title and its time only.
_WIDE = 60
_BAR = 20


class _OfBytes(ProgressColumn):
    """A column that is empty for steps without bytes."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__(Column(no_wrap=True))
        self._column = column

    def render(self, task: Task) -> RenderableType:
        return Text("") if task.total is None else self._column.render(task)


def live_rows(console: Console) -> Progress:
    """Return a display of rows, not yet started, that leaves nothing on the terminal when it stops.

    A long title is cut: a row of two lines would stay on the screen, because the display moves up by one line a row.
    """
    bytes_ = (BarColumn(bar_width=_BAR), DownloadColumn(), TransferSpeedColumn()) if console.width >= _WIDE else ()
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
        *map(_OfBytes, bytes_),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        expand=True,
    )
