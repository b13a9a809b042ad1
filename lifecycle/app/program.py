"""A Program around Invoke: it names mistakes and exits with 2, accepts --help anywhere, and lists the tasks in groups.

The launcher that scripts/setup installs starts it. Invoke's own console script and `python -m invoke` start Invoke's Program,
which `adopt` replaces when tasks.py is loaded.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from invoke.config import Config
from invoke.exceptions import Exit, ParseError
from invoke.executor import Executor
from invoke.parser.argument import Argument
from invoke.parser.context import flag_key, to_flag
from invoke.program import Program
from invoke.tasks import Task

from lifecycle.app import debug
from lifecycle.app.command_line import REFUSED, CommandLine, RefusedOptionError, UnknownTaskError
from lifecycle.app.ending import error_boundary, interrupt_quietly
from lifecycle.app.help import columns, task_help, task_list
from lifecycle.app.output import print_lines
from lifecycle.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
Groups = Mapping[str, Sequence[Task[Any]]]
_LIST_FORMATS = ("flat", "nested", "json")
# Invoke's options that this program keeps, with a help text where Invoke's is too short.
_KEPT = {
    "complete": "",
    "debug": "Show commands, requests and tracebacks on stderr (default: as INVOKE_DEBUG says).",
    "help": "Show the help of invoke, or of a task.",
    "list": "List the tasks, or those of a family: --list cache.",
    "list-depth": "",
    "list-format": "Format of the list: flat, nested or json (default: flat).",
    "print-completion-script": "",
    "search-root": "Folder to look for tasks.py from, upwards (default: the current one).",
    "version": "Show the versions of the component and of Invoke.",
}


class _Settings(Config):
    """Invoke's settings without those of the environment, because our variables also begin with INVOKE_."""

    def load_shell_env(self) -> None:
        """Read nothing."""


class NoTasksError(UsageError):
    """A folder that is in no checkout. `searched` is the value of --search-root, or None."""

    def __init__(self, searched: str | None) -> None:
        place = f"--search-root={searched}: there" if searched else "here"
        super().__init__(
            f"{place} is no tasks.py, and none above: run invoke in a checkout, or name one with --search-root"
        )


class InstallerProgram(Program):
    """Invoke's Program with our errors and help; `groups` are the tasks as `invoke --list` shows them."""

    groups: Groups = {}

    def create_config(self) -> None:
        """Create Invoke's settings. Its files in /etc and in the home folder are not read: none of their settings counts here."""
        self.config = _Settings(lazy=True)

    def core_args(self) -> list[Argument]:
        """Return Invoke's own options. `parse_tasks` refuses those that have no effect here."""
        return [_described(argument) for argument in super().core_args()]

    def task_args(self) -> list[Argument]:
        """Return Invoke's options that select the tasks file."""
        return [_described(argument) for argument in super().task_args()]

    def parse_core(self, argv: list[str] | None) -> None:
        """Parse Invoke's own options. Raises Exit."""
        with error_boundary(), _parse_errors():
            super().parse_core(argv)

    def parse_collection(self) -> None:
        """Load tasks.py. The help needs it too, because it lists the tasks. Raises Exit."""
        if self.args.help.value is True:
            self.load_collection()
        with error_boundary():
            if self.args.collection.got_value:
                raise RefusedOptionError("--collection", dry_run=False)
            super().parse_collection()

    def load_collection(self) -> None:
        """Load tasks.py. Raises Exit."""
        with error_boundary():
            try:
                super().load_collection()
            except Exit as missing:
                raise NoTasksError(self.args["search-root"].value) from missing

    def parse_tasks(self) -> None:
        """Check the words, then let Invoke parse them. Raises Exit."""
        with error_boundary(), _parse_errors():
            if not self.args.complete.value:
                self._check()
            super().parse_tasks()
        debug.set_up(wanted=bool(self.args.debug.value) or debug.is_wanted(os.environ))

    def parse_cleanup(self) -> None:
        """Print a help text, the list or the version if an option asks for it. Raises Exit."""
        with error_boundary():
            help_for = self.args.help.value
            if isinstance(help_for, str):
                self._print_help_for(help_for)
            self._check_list()
            super().parse_cleanup()

    def update_config(self, merge: bool = True) -> None:
        """Leave the settings unchanged: none of the kept options changes one."""

    def execute(self) -> None:
        """Run the tasks. Raises Exit."""
        Executor(self.collection, _Settings(lazy=True), self.core).execute(*self.tasks)
        # Python's own shutdown would print a traceback on Ctrl-C.
        interrupt_quietly()

    def print_version(self) -> None:
        """Print the versions of the component and of Invoke."""
        from lifecycle.app.version import version_lines

        print_lines(version_lines(ROOT))

    def print_help(self) -> None:
        """Print Invoke's own options, then the tasks."""
        options = self.initial_context
        kept = [a for a in sorted(options.flags.values(), key=flag_key) if str(a.name) in _KEPT]
        rows = [options.help_for(to_flag(str(argument.name))) for argument in kept]
        print_lines(["Usage: invoke [options] TASK [--option …]", "", "Options:", *columns(rows), ""])
        self.scoped_collection, self.list_format = self.collection, "flat"
        self.list_flat()

    def print_task_help(self, name: str) -> None:
        """Print the usage, the options and an example of a task."""
        print_lines(task_help(name, self.parser.contexts[name], self.collection[name]))

    def list_flat(self) -> None:
        """Print the tasks in their groups. Print those of a family, or of another tasks.py, in Invoke's format."""
        if not self.groups or self.scoped_collection is not self.collection:
            super().list_flat()
            return
        # Invoke copies the tasks; a copy equals its task.
        families = self._families()
        names = {
            self.collection[name]: next((alias for alias in aliases if alias in families), name)
            for name, aliases in self.collection.task_names.items()
        }
        groups = {title: {names[task]: task for task in tasks} for title, tasks in self.groups.items()}
        print_lines(task_list(groups, str(self.collection.default)))

    def _check(self) -> None:
        words = self.core.unparsed
        self.parser = self._make_parser()
        for argument in self.core[0].args.values():
            if _is_refused(argument):
                raise RefusedOptionError(
                    f"--{argument.names[0]}", dry_run=argument.name == "dry" and self._has_dry_run()
                )
        if self.core.remainder:
            msg = f"nothing is read behind --: leave out -- {self.core.remainder}"
            raise UsageError(msg)
        reading = CommandLine(self.parser.contexts, self.initial_context, self._families()).read(words)
        if reading.help_for:
            self._print_help_for(reading.help_for)
        self.core.unparsed = list(reading.words)

    def _has_dry_run(self) -> bool:
        contexts = self.parser.contexts
        return any("--dry-run" in contexts[word].flags for word in self.core.unparsed if word in contexts)

    def _families(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple(family.task_names) for name, family in self.collection.collections.items()}

    def _print_help_for(self, name: str) -> None:
        if name in self.parser.contexts:
            self.print_task_help(name)
        elif name in self._families():
            pairs = [(f"{name}.{action}", self.collection[f"{name}.{action}"]) for action in self._families()[name]]
            print_lines(task_list({name: dict(pairs)}, str(self.collection.default)))
        else:
            raise UnknownTaskError(name, [*self.parser.contexts, *self._families()])
        raise Exit

    def _check_list(self) -> None:
        family, shown = self.args.list.value, self.args["list-format"].value
        if isinstance(family, str) and family not in self._families():
            raise UnknownTaskError(family, self._families())
        if shown not in _LIST_FORMATS:
            msg = f"--list-format={shown}: there are {', '.join(_LIST_FORMATS)}"
            raise UsageError(msg)


def adopt(groups: Groups) -> None:
    """Turn Invoke's running Program into an InstallerProgram with these groups of tasks. Do nothing if none runs.

    Invoke creates its Program before it loads tasks.py, so the class of that object is changed. The change takes effect from
    the parsing of the tasks on.
    """
    main = sys.modules.get("invoke.main")
    if main is None or not main.program.argv:
        return
    _take_over(main.program)
    main.program.groups = groups


def main() -> None:
    """Run `invoke` as an InstallerProgram from the start. The launcher calls it."""
    from invoke.main import program

    _take_over(program)
    program.run()


def _take_over(program: Program) -> None:
    interrupt_quietly()
    debug.set_up(wanted=False)
    program.__class__ = InstallerProgram


@contextmanager
def _parse_errors() -> Iterator[None]:
    """Turn an error of Invoke's parser into a UsageError. The parser raises ValueError if an option needs a number."""
    try:
        yield
    except ParseError as error:
        raise UsageError(str(error)) from error
    except ValueError as error:
        msg = "an option that takes a number has another value: `invoke --help` shows which do"
        raise UsageError(msg) from error


def _described(argument: Argument) -> Argument:
    argument.help = _KEPT.get(str(argument.name)) or argument.help
    return argument


def _is_refused(argument: Argument) -> bool:
    return bool(argument.got_value) and f"--{argument.names[0]}" in REFUSED
