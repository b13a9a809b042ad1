"""rich's console for stdout and stderr."""

from typing import NoReturn

from rich.console import Console


class OutputConsole(Console):
    """A console that leaves the end of its reader to the caller: rich itself ends the process with 1 then."""

    def on_broken_pipe(self) -> NoReturn:
        """Raise the BrokenPipeError that rich calls this for."""
        raise  # noqa: PLE0704 - rich calls this in its `except` block
