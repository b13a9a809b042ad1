"""Questions to servers and engines without whose answers a task can go on."""

from collections.abc import Callable
from typing import TypeVar

from lifecycle.errors import InstallerError, UsageError
from lifecycle.tools.terminal.progress import Progress

_T = TypeVar("_T")


def answer_or_warning(progress: Progress, ask: Callable[[], _T]) -> _T | None:
    """Return an answer, or None with a warning if there is none. A mistake of the user, UsageError, is raised."""
    try:
        return ask()
    except UsageError:
        raise
    except InstallerError as error:
        progress.warn(str(error))
        return None
