"""The formats of a driver's files, by their names."""

from enum import StrEnum


class FileFormat(StrEnum):
    """A Debian package, NVIDIA's installer, or NVIDIA's redistributable archive. The value is the end of the file's name."""

    DEB = ".deb"
    RUNFILE = ".run"
    REDISTRIBUTABLE = ".tar.xz"


def format_of(file_name: str) -> FileFormat | None:
    """Return the format that a file's name tells, or None."""
    return next((found for found in FileFormat if file_name.endswith(found)), None)
