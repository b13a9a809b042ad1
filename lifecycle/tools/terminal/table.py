"""Tables on stdout. A table that is too wide for its terminal takes another form; no line is broken inside a word."""

import textwrap
from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from lifecycle.errors import printable
from lifecycle.tools.terminal.console import OutputConsole

_NUMBERS = ("count", "size", "needed", "not needed", "seconds")
_GAP = "  "
# Narrower texts are hard to read, so a terminal that is narrower wraps them itself.
_NARROWEST = 20
Row = Sequence[str]


def print_table(title: str, columns: Row, rows: Iterable[Row]) -> None:
    """Print a table without borders, in the form that fits the terminal. Without a terminal, each row is one line."""
    console = OutputConsole(highlight=False)
    found = [[printable(cell) for cell in row] for row in rows]
    if title:
        style = "bold" if console.is_terminal else None
        console.print(title, style=style, markup=False, emoji=False, soft_wrap=True)
    lines = fitted(columns, found, console.width) if console.is_terminal else aligned(columns, found)
    print("\n".join(lines))  # noqa: T201 - stdout is where results go


def fitted(columns: Row, rows: Sequence[Row], width: int) -> list[str]:
    """Return the lines of a table for a terminal with `width` columns, in the first of three forms that fits.

    They are: one line a row; the same with the texts of the last column as notes, each once, below; a block of lines for each row.
    """
    lines = aligned(columns, rows)
    if _width(lines) <= width:
        return lines
    above, notes = _move_texts(rows, width)
    lines = aligned(columns, above)
    if _width(lines) > width:
        lines = _blocks(columns, above, width)
    return [*lines, "", *notes] if notes else lines


def aligned(columns: Row, rows: Sequence[Row]) -> list[str]:
    """Return the lines of a table with one line a row, without spaces at their ends."""
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    return [_line(columns, row, widths) for row in (columns, *rows)]


def _line(columns: Row, row: Row, widths: Sequence[int]) -> str:
    cells = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        space = " " * (width - cell_len(cell))
        cells.append(space + cell if column in _NUMBERS else cell + space)
    return _GAP.join(cells).rstrip()


def _width(lines: Sequence[str]) -> int:
    return max(map(cell_len, lines))


def _move_texts(rows: Sequence[Row], width: int) -> tuple[Sequence[Row], list[str]]:
    """Replace sentences in the last column by numbers, and return the rows and the lines of the notes."""
    numbers: dict[str, str] = {}
    for row in rows:
        if " " in row[-1]:
            numbers.setdefault(row[-1], f"[{len(numbers) + 1}]")
    above = [[*row[:-1], numbers.get(row[-1], row[-1])] for row in rows]
    return above, [line for text, number in numbers.items() for line in _text(f"{number} ", text, width)]


def _text(start: str, text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` columns that are broken at spaces only, indented as far as its start."""
    filler = textwrap.TextWrapper(
        width=max(width, len(start) + _NARROWEST),
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filler.wrap(text) or [start.rstrip()]


def _blocks(columns: Row, rows: Sequence[Row], width: int) -> list[str]:
    """Return a heading for each row, which are its cells up to the first column with a name, and a line for each other cell."""
    first = next(number for number, column in enumerate(columns) if column) + 1
    indent = max(map(len, columns[first:]), default=0)
    lines = []
    for row in rows:
        lines.append(" ".join(filter(None, row[:first])))
        for column, cell in zip(columns[first:], row[first:], strict=True):
            if cell:
                lines += _text(f"{_GAP}{column:{indent}}{_GAP}", cell, width)
    return lines
