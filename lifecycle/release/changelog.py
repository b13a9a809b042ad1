"""CHANGELOG.md as Keep a Changelog 1.1.0 has it: a heading a version, the newest first, `[Unreleased]` on top. Pure."""

import re
from collections.abc import Iterator

from lifecycle.errors import UsageError

_HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\].*$", re.MULTILINE)
_LINK = re.compile(r"^\[[^\]]+\]: \S+$", re.MULTILINE)
UNRELEASED = "Unreleased"


class NoEntryError(UsageError):
    """A version of which the changelog says nothing."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"CHANGELOG.md says nothing of {version}: write what has changed below `## [{UNRELEASED}]` "
            f"(or below `## [{version}]`)"
        )


def entry_of(text: str, version: str) -> str:
    """What a changelog says of a version, or of `Unreleased`; "" where it has no such heading, or nothing below it."""
    for name, start, end in _sections(text):
        if name == version:
            return _LINK.sub("", text[start:end]).strip()
    return ""


def coming_entry(text: str, version: str) -> str:
    """What the notes of a version will say: its own entry, or what is unreleased; "" for neither."""
    return entry_of(text, version) or entry_of(text, UNRELEASED)


def released(text: str, version: str, date: str) -> str:
    """The changelog with what was unreleased under a version's own heading; as it is, where that is there. Raises NoEntryError."""
    if entry_of(text, version):
        return text
    if not entry_of(text, UNRELEASED):
        raise NoEntryError(version)
    heading = next(match for match in _HEADING.finditer(text) if match["name"] == UNRELEASED)
    return f"{text[: heading.end()]}\n\n## [{version}] - {date}{text[heading.end() :]}"


def _sections(text: str) -> Iterator[tuple[str, int, int]]:
    """The name of each heading, the last first, and where what stands below it starts and ends."""
    end = len(text)
    for heading in reversed(list(_HEADING.finditer(text))):
        yield heading["name"], heading.end(), end
        end = heading.start()
