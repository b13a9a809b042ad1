"""A finding of `invoke doctor`: what was checked, its state, and what to do."""

from dataclasses import dataclass
from enum import StrEnum

from lifecycle.errors import InstallerError


class State(StrEnum):
    """The state of a subject. A warning may hinder some commands, an error does; what nothing declares is skipped."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A line of the output: `text` is what was found, `remedy` is what to do, "" for nothing."""

    subject: str
    state: State
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Subject:
    """The maker of the findings of one subject, such as `engine`."""

    name: str

    def ok(self, text: str) -> Finding:
        """Return a finding of something that works."""
        return Finding(subject=self.name, state=State.OK, text=text)

    def warning(self, text: str, remedy: str) -> Finding:
        """Return a finding of something that may hinder some commands."""
        return Finding(subject=self.name, state=State.WARNING, text=text, remedy=remedy)

    def error(self, text: str, remedy: str) -> Finding:
        """Return a finding of something that does not work."""
        return Finding(subject=self.name, state=State.ERROR, text=text, remedy=remedy)

    def skipped(self, text: str, remedy: str = "") -> Finding:
        """Return a finding of something that is not declared, or not installed."""
        return Finding(subject=self.name, state=State.SKIPPED, text=text, remedy=remedy)

    def failure(self, error: InstallerError, *, state: State = State.ERROR, remedy: str = "") -> Finding:
        """Return the finding of an error, in one line: what is wrong and the evidence, and what to do."""
        text = one_line(f"{error.brief}: {error.details}" if error.details else error.brief)
        found = " ".join(part for part in (one_line(error.resolution), remedy) if part)
        return Finding(subject=self.name, state=state, text=text, remedy=found)


def one_line(text: str) -> str:
    """Return a text with every run of blanks and line breaks as one blank."""
    return " ".join(text.split())
