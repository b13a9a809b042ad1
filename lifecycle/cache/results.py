"""Typed results, as one step passes them to the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.cache.result_files import Result
from lifecycle.errors import InstallerError


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A finished archive: its path, the sha256 of each file in it (`-> target` for a link), and its result.json.

    `unpacked_bytes` is the room that the content needs on a disk.
    """

    path: Path
    contents: Mapping[str, str]
    unpacked_bytes: int
    about: Mapping[str, object]


def archive_of(result: Result) -> Archive:
    """Return a result as an archive. Raises InstallerError if its result.json is damaged."""
    contents, unpacked = result.about.get("contents"), result.about.get("unpacked_bytes")
    if not isinstance(contents, Mapping) or not isinstance(unpacked, int):
        raise InstallerError(f"{result.folder}/result.json is damaged", resolution="Remove that folder and run again.")
    path = result.file("archive.tar.zst")
    return Archive(path=path, contents=contents, unpacked_bytes=unpacked, about=result.about)
