"""The base of all tasks: the texts of common options, and errors as one message on stderr and an exit code.

Invoke imports this module and those of the tasks to parse any command line. So they import only what parsing needs, and a task
imports what it calls.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.parser.argument import Argument
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from lifecycle.app.ending import error_boundary, interrupt_task
from lifecycle.errors import UsageError

if TYPE_CHECKING:
    from lifecycle.app.session import Session

ROOT = Path(__file__).resolve().parents[2]
ONLY = "combinations: debian-12, 535, debian-12/535.309.01, current, globs; comma-separated (default: all)"
SHARD = "build shard I of N, such as 1/4 (default: all); implies --locked"
CACHE = "cache folder (default: $XDG_CACHE_HOME/nvidia-installer)"
ENGINE = "container engine: ssh://…, tcp://…, unix://… or a Docker context (default: as docker(1) finds it)"
JSON = "print JSON"
FORMAT = "list of CI jobs: github (strategy.matrix) or jenkins (readJSON) (default: a table)"
KERNELS = "include the kernels themselves, which `nox -s test_node` boots"
BUNDLE = "file of `invoke bundle` to take all inputs from, without network (default: none)"
LOCKED = "fail if versions.lock would change, for CI"
_SHORT = {"dry-run": ["n"]}
DRY_RUN = "show what would change and write nothing"


@contextmanager
def _engine_variable(engine: str) -> Iterator[None]:
    """Set the environment variable of the engine while a task runs: all users of the engine read it."""
    if not engine:
        yield
        return
    from lifecycle.tools.engine.address import ENGINE_VARIABLE

    before = os.environ.get(ENGINE_VARIABLE, "")
    os.environ[ENGINE_VARIABLE] = engine
    try:
        yield
    finally:
        os.environ[ENGINE_VARIABLE] = before


class LifecycleTask(Task[Any]):
    """A task whose errors become one message on stderr and an exit code, never a traceback.

    A task that ends well prints the next step on stderr: what its function returns, or else `next_step`. After a dry run that is
    the same command without --dry-run. `--json` and `--format` are for scripts, and print none.
    """

    example = ""
    next_step = ""

    def argspec(self, body: Callable[..., Any]) -> Signature:
        """Return the signature of a task's function, with --engine added to every task that has --cache-dir."""
        found = super().argspec(body)
        if "cache_dir" not in found.parameters:
            return found
        engine = Parameter("engine", Parameter.POSITIONAL_OR_KEYWORD, default="")
        return found.replace(parameters=[*found.parameters.values(), engine])

    def arg_opts(self, name: str, default: Any, taken_names: set[str]) -> dict[str, Any]:  # noqa: ANN401 - as invoke's
        """Return Invoke's options of one argument. A short name has the same meaning in all tasks."""
        options = super().arg_opts(name, default, taken_names)
        options["names"] += _SHORT.get(options["names"][0], [])
        return options

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        """Return the arguments. Invoke removes the help texts from the task while it does so; this keeps them."""
        texts = dict(self.help)
        try:
            return super().get_arguments(ignore_unknown_help)
        finally:
            self.help = texts

    def __call__(self, *args: Any, engine: str = "", **kwargs: Any) -> Any:  # noqa: ANN401 - as invoke declares it
        """Run the task. Raises Exit with the exit code of an error, or 130 on Ctrl-C."""
        # Invoke turns bytecode files off (its --write-pyc). Without them, each start would compile every imported module again.
        sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
        with error_boundary():
            interrupt_task()
            with _engine_variable(engine):
                following = super().__call__(*args, **kwargs)
            if not kwargs.get("json") and not kwargs.get("format_"):
                self._print_next_step(following, dry_run=kwargs.get("dry_run", False))
            return following

    def _print_next_step(self, following: str | None, *, dry_run: bool) -> None:
        from lifecycle.app.next_step import command_without_dry_run, print_next_step

        usual = command_without_dry_run() if dry_run else self.next_step
        print_next_step(usual if following is None else following)


def task(
    *,
    example: str = "",
    next_step: str = "",
    **options: Any,  # noqa: ANN401 - invoke's own
) -> Callable[[Callable[..., str | None]], LifecycleTask]:
    """Return Invoke's decorator with our error boundary.

    `example` is a command line for the task's help, and `next_step` the usual command after the task. A task's function may
    return another one, or "" for none.
    """
    help_ = options.pop("help", {})
    if "cache-dir" in help_:
        help_ = {**help_, "engine": ENGINE}
    decorator: Callable[[Callable[..., str | None]], LifecycleTask] = invoke_task(
        klass=LifecycleTask, help=help_, auto_shortflags=False, **options
    )

    def decorate(body: Callable[..., str | None]) -> LifecycleTask:
        made = decorator(body)
        made.example, made.next_step = example, next_step
        return made

    return decorate


class NotAFolderError(UsageError):
    """A path for a folder that is a file."""

    def __init__(self, option: str, path: Path) -> None:
        super().__init__(f"{option}: {path} is a file, not a folder: name another folder")


def open_session(cache_dir: str = "") -> "Session":
    """Return the Session of this checkout. `cache_dir` is "" for the default. Raises NotAFolderError, BadPathError."""
    from lifecycle.app.session import Session
    from lifecycle.tools.paths import expand

    folder = expand(cache_dir, name="--cache-dir").absolute()
    for path in (folder, *folder.parents) if cache_dir else ():
        if path.exists() and not path.is_dir():
            raise NotAFolderError("--cache-dir", path)
    return Session(ROOT, cache_dir=cache_dir, environ=os.environ)
