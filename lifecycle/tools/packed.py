"""Files packed for a way between machines: a tar.zst, quick rather than small."""

import tarfile
from collections.abc import Mapping
from pathlib import Path

import zstandard

from lifecycle.errors import InstallerError, writing
from lifecycle.tools.archive import extract_safely, write_members

_LEVEL = 3


class UnreadableArchiveError(InstallerError):
    """A file that is no archive, or ends in the middle."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} is no whole archive: {why}")


def pack(files: Mapping[str, Path], out: Path) -> None:
    """Write files as a tar.zst of their names: the same bytes for the same files."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with (
        writing(out),
        out.open("wb") as raw,
        compressor.stream_writer(raw) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        write_members(tar, dict(files))


def unpack(path: Path, folder: Path) -> None:
    """Unpack a tar.zst into a folder; raises UnsafeArchiveError, UnreadableArchiveError."""
    try:
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
            extract_safely(stream, folder, archive=path.name)
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
        raise UnreadableArchiveError(path, str(error)) from error
