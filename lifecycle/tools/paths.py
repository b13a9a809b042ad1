"""Paths as people write them: `~` is a home folder, which not every user has."""

from pathlib import Path

from lifecycle.errors import UsageError


class BadPathError(UsageError):
    """A path that cannot be one of this machine."""

    def __init__(self, name: str, text: str, problem: str) -> None:
        super().__init__(f"{name}: {text!r}: {problem}")


class NoHomeError(UsageError):
    """A user without a home folder, as in a container that runs as any user id."""

    def __init__(self, purpose: str) -> None:
        super().__init__(f"no home folder for {purpose}: HOME is not set, and /etc/passwd has no entry: set HOME")


def expand(text: str, *, name: str) -> Path:
    """Return a path with a leading `~` or `~user` replaced. `name` is the option or key in the error. Raises BadPathError."""
    if "\0" in text:
        raise BadPathError(name, text, "a path has no NUL: remove it")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise BadPathError(name, text, "that user has no home folder here: write the path in full") from error


def home(purpose: str) -> Path:
    """Return the home folder of the user. `purpose` is what the folder is for. Raises NoHomeError."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise NoHomeError(purpose) from error
