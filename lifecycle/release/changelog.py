"""CHANGELOG.md in the format of Keep a Changelog 1.1.0: one heading per version, newest first, `[Unreleased]` on top. Pure."""

import re
from collections.abc import Iterator

from lifecycle.errors import UsageError

_HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\].*$", re.MULTILINE)
_LINK = re.compile(r"^\[[^\]]+\]: \S+$", re.MULTILINE)
UNRELEASED = "Unreleased"


class NoEntryError(UsageError):
    """A version without an entry in the changelog."""

    def __init__(self, version: str) -> None:
        super().__init__(
            f"CHANGELOG.md has no entry for {version}: write what has changed below `## [{UNRELEASED}]` "
            f"(or below `## [{version}]`)"
        )


def entry_of(text: str, version: str) -> str:
    """Return the entry of a version, or of `Unreleased`; "" if it is missing or empty."""
    for name, start, end in _sections(text):
        if name == version:
            return _LINK.sub("", text[start:end]).strip()
    return ""


def unreleased_entry(text: str, version: str) -> str:
    """Return the entry for the notes of a version: its own, or that of `Unreleased`; "" for neither."""
    return entry_of(text, version) or entry_of(text, UNRELEASED)


def with_release(text: str, version: str, date: str) -> str:
    """Return the changelog with the unreleased entry under a version's heading, unless it has one. Raises NoEntryError."""
    if entry_of(text, version):
        return text
    if not entry_of(text, UNRELEASED):
        raise NoEntryError(version)
    heading = next(match for match in _HEADING.finditer(text) if match["name"] == UNRELEASED)
    return f"{text[: heading.end()]}\n\n## [{version}] - {date}{text[heading.end() :]}"


def _sections(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each heading, the last first, with the start and the end of its section."""
    end = len(text)
    for heading in reversed(list(_HEADING.finditer(text))):
        yield heading["name"], heading.end(), end
        end = heading.start()
