"""The hierarchy of errors, each with what is wrong, the evidence and what to do.

Each class composes its own text from domain values, so that a raise site is one line, and carries the exit code of
the command. `app/task.py` catches `InstallerError` once; any other exception is a bug.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Errors of a write to a file: a full disk or quota, a file too large, a failing disk.
_WRITE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
# The problems of a file that are shown at once.
MOST_PROBLEMS = 20
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def printable(text: str) -> str:
    """Return a text with each character escaped that is not for a terminal, such as ESC. Line breaks and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


class InstallerError(Exception):
    """An error that ends a task.

    `brief` is one clear sentence, `details` the evidence (one or more lines), `resolution` the next step of the user.
    `str()` joins those that are not empty with line breaks. Control characters in them are escaped. `doctor_checks` is what
    `invoke doctor` can tell about its cause, "" for nothing; the end of a command names it.
    """

    exit_code = EXIT_FAILURE
    doctor_checks = ""

    def __init__(self, brief: str, *, details: str = "", resolution: str = "") -> None:
        self.brief = printable(brief)
        self.details = printable(details)
        self.resolution = printable(resolution)
        super().__init__(self.brief)

    def __str__(self) -> str:
        return "\n".join(part for part in (self.brief, self.details, self.resolution) if part)


class UsageError(InstallerError):
    """A mistake of the user in an option or a file; its exit code is 2."""

    exit_code = EXIT_USAGE


class SystemRefusedError(InstallerError):
    """An unexpected error of the operating system: a full disk, a folder without write permission."""

    def __init__(self, error: OSError) -> None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = error.strerror or str(error)
        what = f"cannot {_operation(error)} {error.filename}: {reason}" if error.filename else reason
        what = f"cannot write: {reason}" if full and not error.filename else what
        super().__init__(what, resolution="Free some space, or name another folder with --cache-dir." if full else "")


def _operation(error: OSError) -> str:
    """Return the operation on the file of an error as a verb, as far as the error and the file tell."""
    if error.filename2:
        return f"move to {error.filename2} from"
    if error.errno in (*_WRITE_ERRORS, errno.EROFS):
        return "write"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "read" if os.path.lexists(error.filename) and not os.access(error.filename, os.R_OK) else "write"
    known = {errno.EEXIST: "create", errno.ENOENT: "find", errno.ENOTDIR: "enter", errno.EISDIR: "open"}
    return known.get(error.errno or 0, "use")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Add the path to an OSError of the block that names no file, because write(2) only knows a descriptor."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in _WRITE_ERRORS:
            error.filename = str(path)
        raise


class ConfigurationError(UsageError):
    """The problems of one file, a line each: `component.yaml:12:14: context.driverVersion[1]: …`.

    The message has the first of them, and the number of the others.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        more = [f"and {len(problems) - MOST_PROBLEMS:,} more problems"] if len(problems) > MOST_PROBLEMS else []
        super().__init__("\n".join([*problems[:MOST_PROBLEMS], *more]))
        self.problems = tuple(map(printable, problems))
