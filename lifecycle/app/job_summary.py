"""The summary of a CI job: the tables of a task as Markdown, at the end of the file that GITHUB_STEP_SUMMARY names.

Sources: docs.github.com/actions/reference/workflows-and-actions/workflow-commands, "Adding a job summary"; GitHub Flavored
Markdown, "Tables (extension)" and "Backslash escapes".
"""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from lifecycle.errors import printable

VARIABLE = "GITHUB_STEP_SUMMARY"
# GitHub shows no summary of a step that is larger, in bytes.
_LARGEST = 1 << 20
# Characters with a meaning in Markdown or HTML.
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&#]")
_log = logging.getLogger(__name__)


def add_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], environ: Mapping[str, str]) -> None:
    """Append a table to the job's summary, if an environment names its file. A file that cannot be written causes a warning."""
    path = environ.get(VARIABLE)
    if not path:
        return
    text = markdown_table(title, columns, rows)
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_size + len(text.encode()) > _LARGEST:
                _log.warning("WARNING: the job summary lacks the table %r: it would be larger than 1 MiB", title)
                return
            file.write(text)
    except OSError as error:
        _log.warning("WARNING: the job summary cannot be written: %s: %s", path, error.strerror)


def markdown_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown with a heading. The text of a cell is shown as it is."""
    lines = [f"### {escaped(title)}", ""] if title else []
    lines += [_line(columns), _line(["---"] * len(columns)), *(_line([escaped(cell) for cell in row]) for row in rows)]
    return "\n".join([*lines, "", ""])


def escaped(text: str) -> str:
    """Return a text without a meaning in Markdown, on one line."""
    return _SPECIAL.sub(r"\\\g<0>", printable(text)).replace("\n", "<br>")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
