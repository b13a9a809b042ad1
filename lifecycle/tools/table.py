"""Tables on stdout."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

_NUMBERS = ("count", "size", "needed", "not needed", "seconds")


class _Console(Console):
    """A console that prints text as it is: square brackets and colons are not markup."""

    def __init__(self, width: int | None = None) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, width=width)

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError, which the task handles; rich would end the process with exit code 1."""
        raise BrokenPipeError


def _console() -> Console:
    console = _Console()
    # A file or a pipe has no width, and 80 columns are too narrow for the tables.
    return console if console.is_terminal else _Console(width=200)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table without borders; long cells are wrapped."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in _NUMBERS else "left")
    for row in rows:
        table.add_row(*row)
    _console().print(table)
