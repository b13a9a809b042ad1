"""The texts of the help: the list of tasks in groups, and the usage, options and example of a task."""

import inspect
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from invoke.parser.context import ParserContext, flag_key, to_flag
from invoke.tasks import Task
from invoke.terminals import pty_size

Rows = Sequence[tuple[str, str]]
_INDENT = 2
_GAP = 3


def task_list(groups: Mapping[str, Mapping[str, Task[Any]]], default: str) -> list[str]:
    """Return the lines of `invoke --list`: each group's tasks, with the first line of their help."""
    width = max(len(name) for group in groups.values() for name in group)
    lines = []
    for title, group in groups.items():
        rows = [(name, (task.__doc__ or "").strip().partition("\n")[0]) for name, task in group.items()]
        lines += [f"{title}:", *columns(rows, width), ""]
    return [*lines, f"Without a task, invoke runs {default}. `invoke TASK --help` shows a task's options."]


def task_help(name: str, context: ParserContext, task: Task[Any]) -> list[str]:
    """Return the lines of `invoke NAME --help`. A family's default task has the family's name too."""
    positional = [argument for argument in context.positional_args if argument.default is None]
    options = [a for a in sorted(context.flags.values(), key=flag_key) if a not in positional]
    words = [name, *(argument.names[0].upper() for argument in positional)]
    usage = f"Usage: invoke [options] {' '.join(words)}{' [--option …]' if options else ''}"
    lines = [usage, "", *_wrapped(inspect.cleandoc(task.__doc__ or ""))]
    arguments = [(argument.names[0].upper(), argument.help or "") for argument in positional]
    if arguments:
        lines += ["", "Arguments:", *columns(arguments)]
    if options:
        lines += ["", "Options:", *columns([context.help_for(to_flag(option.names[0])) for option in options])]
    example = getattr(task, "example", "")
    return [*lines, "", "Example:", f"  {example}"] if example else lines


def columns(rows: Rows, width: int = 0) -> list[str]:
    """Return the lines of two columns, names and texts. The texts are wrapped at the terminal's width."""
    width = max(width, *(len(name) for name, _ in rows))
    room = max(pty_size()[0] - _INDENT - width - _GAP - 1, 20)
    lines = []
    for name, text in rows:
        first, *rest = textwrap.wrap(text, room) or [""]
        lines.append(f"{'':{_INDENT}}{name:{width}}{'':{_GAP}}{first}".rstrip())
        lines += [f"{'':{_INDENT + width + _GAP}}{line}" for line in rest]
    return lines


def _wrapped(text: str) -> Iterable[str]:
    for line in text.splitlines():
        yield from textwrap.wrap(line, max(pty_size()[0] - 1, 20)) or [""]
