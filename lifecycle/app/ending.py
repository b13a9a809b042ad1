"""The end of a command: an error becomes one message and an exit code, and standard output is written to its end."""

import io
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from invoke.exceptions import Exit

from lifecycle.errors import EXIT_FAILURE, EXIT_INTERRUPTED, InstallerError, SystemRefusedError
from lifecycle.tools.terminal.plain_text import ERRORS

_log = logging.getLogger(__name__)
_INTERRUPTED = "interrupted: nothing half made is left, run the same command to go on"


@contextmanager
def error_boundary() -> Iterator[None]:
    """Turn an error of the body, or of standard output, into invoke's Exit with a message and the exit code.

    A closed pipe at standard output is no error. An error that is a bug of ours passes. Raises Exit.
    """
    _spell_out()
    _buffer_output()
    try:
        yield
        _flush()
    except Exit as ending:
        if not ending.code:
            with error_boundary():
                pass
        raise
    except (OSError, InstallerError, KeyboardInterrupt) as error:
        _log.debug("%s ended the command", type(error).__name__, exc_info=error)
        raise _ending(error) from error


def _ending(error: BaseException) -> Exit:
    cut_off = _output_is_broken()
    if isinstance(error, KeyboardInterrupt):
        return Exit(_INTERRUPTED, EXIT_INTERRUPTED)
    if isinstance(error, InstallerError):
        more = f"\n`invoke doctor` checks {error.doctor_checks}." if error.doctor_checks else ""
        return Exit(f"error: {error}{more}", error.exit_code)
    if isinstance(error, BrokenPipeError):
        return Exit(code=0)
    if cut_off and isinstance(error, OSError) and not error.filename:
        return Exit(f"error: cannot write to standard output: {error.strerror or error}", EXIT_FAILURE)
    if isinstance(error, OSError):
        return Exit(f"error: {SystemRefusedError(error)}", SystemRefusedError.exit_code)
    raise error


def _spell_out() -> None:
    """Let output contain every character, in a spelling that the encoding has."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors != ERRORS:
            stream.reconfigure(errors=ERRORS)


def _buffer_output() -> None:
    """Buffer standard output by lines where Python does not buffer it (`-u`, PYTHONUNBUFFERED).

    A buffer keeps what could not be written, so that `_output_is_broken` notices it.
    """
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        encoding, errors = sys.stdout.encoding, sys.stdout.errors
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=True)


def _flush() -> None:
    if sys.stdout:
        sys.stdout.flush()


def _output_is_broken() -> bool:
    """Return whether standard output accepts nothing more. Its buffer is dropped then: Python would complain at its end."""
    try:
        _flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def interrupt_quietly() -> None:
    """Exit with code 130 and no message on Ctrl-C. This is for the time before a task starts, when nothing needs cleaning up."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)


def interrupt_task() -> None:
    """Raise KeyboardInterrupt in the task on Ctrl-C and on SIGTERM."""
    if signal.getsignal(signal.SIGINT) is _exit:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _exit(_number: int, _frame: FrameType | None) -> None:
    os._exit(EXIT_INTERRUPTED)
