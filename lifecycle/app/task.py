"""What all tasks share: their options' texts, and where errors end, as one message on stderr and an exit code.

Invoke imports this and the modules of tasks to parse a command line, whatever it says. So these import nothing but what
parsing needs, and a task imports what it calls.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from lifecycle.errors import EXIT_INTERRUPTED, InstallerError, SystemRefusedError

if TYPE_CHECKING:
    from lifecycle.build.workbench import Workbench

ROOT = Path(__file__).resolve().parents[2]
ONLY = "which combinations: debian-12, 535, debian-12/535.309.01, current, globs; comma-separated (default: all)"
SHARD = "a part of these by i/n, such as 1/4: parts of about the same work, no two of which compile the same"
CACHE = "the cache folder (default: $XDG_CACHE_HOME/nvidia-installer)"
ENGINE = (
    "the container engine: ssh://user@host, tcp://…, unix://…, or a Docker context (default: as docker(1) finds it)"
)
JSON = "print JSON on stdout, for scripts"
FORMAT = "print a list of jobs: github (for strategy.matrix) or jenkins (for readJSON)"
KERNELS = "also the kernels themselves, which `nox -s test_node` boots"
BUNDLE = "take all inputs from a file that `invoke bundle` wrote; no network is used"
LOCKED = "fail rather than change versions.lock (for CI)"
DRY_RUN = "show what would change and write nothing"


@contextmanager
def _handed_on(engine: str) -> Iterator[None]:
    """Have the environment name an engine, where all that uses one looks for it, while a task runs."""
    if not engine:
        yield
        return
    from lifecycle.tools.engine_address import ENGINE_VARIABLE

    before = os.environ.get(ENGINE_VARIABLE, "")
    os.environ[ENGINE_VARIABLE] = engine
    try:
        yield
    finally:
        os.environ[ENGINE_VARIABLE] = before


class LifecycleTask(Task[Any]):
    """A task whose errors become one message on stderr and an exit code, never a traceback."""

    def argspec(self, body: Callable[..., Any]) -> Signature:
        """The options that a task's function takes; beside --cache-dir there is always --engine."""
        found = super().argspec(body)
        if "cache_dir" not in found.parameters:
            return found
        engine = Parameter("engine", Parameter.POSITIONAL_OR_KEYWORD, default="")
        return found.replace(parameters=[*found.parameters.values(), engine])

    def __call__(self, *args: Any, engine: str = "", **kwargs: Any) -> Any:  # noqa: ANN401 - as invoke declares it
        """Run the task; raises Exit with the error's own exit code, 130 on Ctrl-C."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # Invoke lets nothing be compiled to files (its --write-pyc), and all that a task calls would be at each start.
        sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
        try:
            with _handed_on(engine):
                return super().__call__(*args, **kwargs)
        except BrokenPipeError as error:
            # Whoever read our output has seen enough; Python would complain once more when it flushes at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise Exit(code=0) from error
        except OSError as error:
            raise Exit(f"error: {SystemRefusedError(error)}", code=SystemRefusedError.exit_code) from error
        except InstallerError as error:
            raise Exit(f"error: {error}", code=error.exit_code) from error
        except KeyboardInterrupt as error:
            raise Exit(
                "interrupted: nothing half made is left, run the same command to go on", EXIT_INTERRUPTED
            ) from error


def task(**options: Any) -> Callable[[Callable[..., None]], LifecycleTask]:  # noqa: ANN401 - invoke's own options
    """Invoke's decorator, with our error boundary."""
    help_ = options.pop("help", {})
    if "cache-dir" in help_:
        help_ = {**help_, "engine": ENGINE}
    decorator: Callable[[Callable[..., None]], LifecycleTask] = invoke_task(klass=LifecycleTask, help=help_, **options)
    return decorator


def workbench(cache_dir: str = "") -> "Workbench":
    """What a task works with, in this checkout; the cache folder is the default one where none is named."""
    from lifecycle.build.workbench import Workbench

    return Workbench(ROOT, cache_dir=cache_dir, environ=os.environ)
