"""Releases at a code forge: a page for a tag, with notes and files."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file of a release; `media_type` is that of its content."""

    name: str
    content: bytes = field(repr=False)
    media_type: str = "application/json"

    @cached_property
    def digest(self) -> str:
        """The sha256 of the content, as `sha256:…`."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"

    def matches(self, size: int, digest: str | None) -> bool:
        """Return whether it is a file of a size in bytes and a digest (`sha256:…`); None for a forge that names no digest."""
        return size == len(self.content) and digest in (None, "", self.digest)


@dataclass(frozen=True, kw_only=True)
class WantedRelease:
    """A release as it should be. `package` and `version` name the place of the files at a forge that keeps them elsewhere."""

    tag: str
    title: str
    notes: str
    assets: Sequence[Asset]
    package: str
    version: str


class Releases(Protocol):
    """The releases of a project. All methods raise ForgeRefusedError."""

    @property
    def longest_notes(self) -> int:
        """The most characters of the notes that the forge accepts."""

    def exists(self, tag: str) -> bool:
        """Return whether a tag has a release that everybody sees."""

    def differences(self, wanted: WantedRelease) -> list[str]:
        """Return the parts of a release that are missing or different, as nouns; an empty list for a complete one."""

    def publish(self, wanted: WantedRelease, say: Callable[[str], None]) -> None:
        """Create or complete a release. `say` is told of each file that is uploaded. Other files of the release stay."""


def same_text(one: str | None, other: str) -> bool:
    """Return whether two texts are the same for their readers. A forge's page writes other line ends."""
    return (one or "").replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def fit_notes(notes: str, longest: int, rest: str) -> str:
    """Return notes of at most `longest` characters. Those that are longer end at a line, and name `rest`, the file with all."""
    if len(notes) <= longest:
        return notes
    ending = f"\n\nThe notes are shortened here. {rest}, a file of this release, has all of them.\n"
    return notes[: longest - len(ending)].rpartition("\n")[0] + ending
