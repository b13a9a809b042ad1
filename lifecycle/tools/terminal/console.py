"""rich's console for stdout and stderr."""

import threading
from types import TracebackType
from typing import Any, NoReturn, Self

from rich.console import Console


class OutputConsole(Console):
    """A console that one thread at a time writes to, and that leaves the end of its reader to the caller.

    rich erases as many rows as its last refresh had. If another thread has refreshed in between, a line of a result is erased. So
    `writing` is held from the count of the rows to the end of the output, whoever writes: the display, its refresh, or the text
    that rich takes over from sys.stderr. At the end of its reader, rich itself ends the process with 1.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - rich's options
        super().__init__(**options)
        self.writing = threading.RLock()

    def __enter__(self) -> Self:
        """Begin an output, as each `print` does."""
        self.writing.acquire()
        super().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the output if it is complete."""
        try:
            super().__exit__(kind, error, trace)
        finally:
            self.writing.release()

    def on_broken_pipe(self) -> NoReturn:
        """Raise the BrokenPipeError that rich calls this for."""
        raise  # noqa: PLE0704 - rich calls this in its `except` block
