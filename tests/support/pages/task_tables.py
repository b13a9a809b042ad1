"""The sections of docs/reference/options.md: every task with its arguments, options and defaults, from Invoke's collection."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext
from invoke.tasks import Task

from tasks import GROUPS, ns

_DEFAULT = re.compile(r" \(default: ((?:[^()]|\([^()]*\))+)\)")
_NONE = "–"


def task_tables() -> str:
    """Return a section for each task, in the groups of `invoke --list`, in Markdown."""
    contexts = {task_name(context): context for context in ns.to_contexts()}
    names = {id(ns[name]): name for name in contexts}
    return "\n".join(line for group, tasks in GROUPS.items() for line in _group(group, tasks, names, contexts))


def task_name(context: ParserContext) -> str:
    """Return the name of a task as people type it: a family's default task has the name of the family."""
    family, _, name = str(context.name).partition(".")
    return family if name and ns.collections[family].default == name else str(context.name)


def _group(
    title: str, tasks: tuple[Task[Any], ...], names: dict[int, str], contexts: dict[str, ParserContext]
) -> Iterator[str]:
    yield from (f"## {title.capitalize()}", "")
    for task in tasks:
        name = names[id(task)]
        yield from _section(name, task, contexts[name])


def _section(name: str, task: Task[Any], context: ParserContext) -> Iterator[str]:
    arguments = [argument for argument in context.positional_args if argument.default is None]
    options = sorted({*map(id, context.args.values())} - {*map(id, arguments)}, key=_order(context))
    words = " ".join(["invoke", name, *(argument.names[0].upper() for argument in arguments)])
    yield from (f"### {name}", "", inspect.cleandoc(task.__doc__ or ""), "")
    yield from ("```", f"{words}{' [--option …]' if options else ''}", "```", "")
    yield from ("| argument or option | default | meaning |", "|---|---|---|")
    yield from (_row(f"`{argument.names[0].upper()}`", argument, "required") for argument in arguments)
    by_id = {id(argument): argument for argument in context.args.values()}
    yield from (_row(_spelling(by_id[key]), by_id[key], _NONE) for key in options)
    yield ""


def _order(context: ParserContext) -> Any:  # noqa: ANN401 - a sort key
    names = {id(argument): argument.names[0] for argument in context.args.values()}
    return lambda key: names[key]


def _spelling(argument: Argument) -> str:
    """Return the option with its short form and a placeholder: `--only=TEXT`."""
    long, *short = argument.names
    value = "" if argument.kind is bool else "=TEXT"
    return ", ".join([*(f"`-{name}`" for name in short), f"`--{long}{value}`"])


def _row(name: str, argument: Argument, default: str) -> str:
    """Return the row of an argument. The default is the one that its help text states."""
    text = argument.help or ""
    stated = _DEFAULT.search(text)
    if stated:
        text, default = text.replace(stated[0], ""), stated[1]
    return f"| {name} | {default} | {text.replace('|', chr(92) + '|')} |"
