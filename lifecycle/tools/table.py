"""Tables for people, on stdout."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

_NUMBERS = ("count", "size", "needed", "not needed", "seconds")


class _Console(Console):
    """Prints what it is given: square brackets and colons of a reason are no markup."""

    def __init__(self, width: int | None = None) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, width=width)

    def on_broken_pipe(self) -> None:
        """Leave it to the task: rich would end the process with exit code 1."""
        raise BrokenPipeError


def _console() -> Console:
    console = _Console()
    # A file or a pipe has no width: a table that is cut at 80 columns loses what it says.
    return console if console.is_terminal else _Console(width=200)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table without borders; cells are folded, never cut."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in _NUMBERS else "left")
    for row in rows:
        table.add_row(*row)
    _console().print(table)
