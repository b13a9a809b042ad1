"""Output on stdout: tables for people, and plain data for `--json`."""

import json
import os
from collections.abc import Iterable, Sequence


def print_json(value: object) -> None:
    """Print plain data as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - stdout is where results go


def format_size(size: int) -> str:
    """Return a number of bytes as text for people: `12 kB`, `34 MB`, `5.60 GB`."""
    if size < 1e6:
        return f"{-(-size // 1000)} kB"
    return f"{size / 1e6:.0f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


def plural(count: int, noun: str) -> str:
    """Return a number with its noun: `1 node`, `3 nodes`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def print_lines(lines: Iterable[str]) -> None:
    """Print plain lines."""
    for line in lines:
        print(line)  # noqa: T201 - stdout is where results go


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, in_summary: bool = False) -> None:
    """Print a table without borders, in a form that fits the terminal. Nothing is cut.

    With `in_summary`, the summary of a CI job gets it too.
    """
    from lifecycle.app import job_summary
    from lifecycle.tools.terminal import table

    found = list(rows)
    table.print_table(title, columns, found)
    if in_summary:
        job_summary.add_table(title, columns, found, os.environ)
