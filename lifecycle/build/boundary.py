"""Where errors end: one message on stderr and an exit code, never a traceback."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from invoke.exceptions import Exit
from invoke.tasks import Task
from invoke.tasks import task as invoke_task

from lifecycle.errors import EXIT_INTERRUPTED, InstallerError, SystemRefusedError


class LifecycleTask(Task[Any]):
    """A task whose errors become one message on stderr and an exit code, never a traceback."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as invoke declares it
        """Run the task; raises Exit with the error's own exit code, 130 on Ctrl-C."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
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
    decorator: Callable[[Callable[..., None]], LifecycleTask] = invoke_task(klass=LifecycleTask, **options)
    return decorator
