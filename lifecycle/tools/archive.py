"""Tar archives, reproducible when written (sorted, one owner, one time stamp) and checked when unpacked; compressed by zstd."""

import copy
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

import zstandard

from lifecycle.errors import InstallerError, writing
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH
from lifecycle.tools.tar_filter import UnsafeMemberError, extract_members

# The largest window that `zstd --decompress`, and so `tar --zstd` on the node, accepts without an option (zstd(1), --long).
_WINDOW_LOG = 27
_FAST_LEVEL = 3


class UnsafeArchiveError(InstallerError):
    """An archive with a path outside the folder that it is unpacked to."""

    def __init__(self, archive: str, member: str) -> None:
        super().__init__(
            f"{archive} contains {member!r}, a path outside the archive",
            resolution="Do not use this file. Check where it came from.",
        )


class UnreadableArchiveError(InstallerError):
    """A file that is not an archive, or is truncated."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path.name} is not a complete archive: {why}")


def tar_header(
    name: str, *, size: int = 0, mode: int = 0o644, kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tarfile.TarInfo:
    """Return a tar header with root as the owner and a fixed time stamp; `size` is in bytes, `target` that of a link."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.linkname, info.mtime = size, mode, kind, target, SOURCE_DATE_EPOCH
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info


def write_tar(folder: Path, out: IO[bytes]) -> None:
    """Write a folder as an uncompressed tar (POSIX.1-2001, pax)."""
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, path in _folder_members(folder):
            if info.isreg():
                with path.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)


def write_tar_zst(folder: Path, out: Path, *, level: int, threads: int) -> None:
    """Write a folder as tar.zst: the same bytes for the same files and level. `threads` is at least 1.

    Long-distance matching finds the common parts of libraries and firmware files that lie far apart in the archive.
    """
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, threads=threads, enable_ldm=True, window_log=_WINDOW_LOG, write_checksum=True
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    with writing(out), out.open("wb") as raw, compressor.stream_writer(raw) as stream:
        write_tar(folder, stream)


def tar_bytes(files: Mapping[str, bytes | Path], *, executables: Iterable[str] = ()) -> bytes:
    """Return a small uncompressed tar of files by their name; `executables` are names of files with the executable bit."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        write_members(tar, files, executables=executables)
    return buffer.getvalue()


def write_members(tar: tarfile.TarFile, files: Mapping[str, bytes | Path], *, executables: Iterable[str] = ()) -> None:
    """Add files (bytes, or paths to stream) to an open tar by their name, with their parent folders."""
    folders = {parent.as_posix() for name in files for parent in PurePosixPath(name).parents} - {"."}
    for folder in sorted(folders):
        tar.addfile(tar_header(folder, mode=0o755, kind=tarfile.DIRTYPE))
    runnable = set(executables)
    for name, content in sorted(files.items()):
        mode = 0o755 if name in runnable else 0o644
        if isinstance(content, bytes):
            tar.addfile(tar_header(name, size=len(content), mode=mode), io.BytesIO(content))
        else:
            with content.open("rb") as file:
                tar.addfile(tar_header(name, size=content.stat().st_size, mode=mode), file)


def pack(files: Mapping[str, Path], out: Path) -> None:
    """Write files by their name as tar.zst, fast rather than small: the same bytes for the same files."""
    compressor = zstandard.ZstdCompressor(level=_FAST_LEVEL, write_checksum=True)
    with (
        writing(out),
        out.open("wb") as raw,
        compressor.stream_writer(raw) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        write_members(tar, dict(files))


def unpack(path: Path, folder: Path) -> None:
    """Unpack a tar.zst into a folder. Raises UnsafeArchiveError, UnreadableArchiveError."""
    try:
        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
            extract_safely(stream, folder, archive=path.name)
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
        raise UnreadableArchiveError(path, str(error)) from error


def extract_safely(
    stream: IO[bytes], folder: Path, *, archive: str, strip: str = "", wanted: Callable[[str], bool] = lambda _: True
) -> None:
    """Unpack the `wanted` files of a tar stream into a folder, by their path without the prefix `strip`.

    The rules are those of Python's `data` filter (PEP 706): no absolute paths, no `..`, no links that lead out, no devices.
    Raises UnsafeArchiveError, naming `archive`, for a member that breaks one, wanted or not.
    """

    def stripped(name: str) -> str:
        return name.removeprefix("./").removeprefix(strip)

    def choose(safe: tarfile.TarInfo) -> tarfile.TarInfo | None:
        path = stripped(safe.name)
        if not path or safe.isdir() or not wanted(path):
            return None
        chosen = copy.copy(safe)
        chosen.name = path
        # The target of a hard link is relative to the archive; that of a symbolic link is relative to the link.
        chosen.linkname = stripped(safe.linkname) if safe.islnk() else safe.linkname
        return chosen

    with tarfile.open(fileobj=stream, mode="r|") as tar:
        try:
            extract_members(tar, folder, choose)
        except UnsafeMemberError as error:
            raise UnsafeArchiveError(archive, error.name) from error


def file_digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file below a folder, and `-> target` of each link, by relative path."""
    result = {}
    for info, path in _folder_members(folder):
        if info.issym():
            result[info.name] = f"-> {info.linkname}"
        elif info.isreg():
            with path.open("rb") as file:
                result[info.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return result


def file_modes(folder: Path) -> dict[str, str]:
    """Return the mode, as in `0755`, that `write_tar` gives to each file and folder below a folder, by relative path."""
    return {info.name: f"{info.mode:04o}" for info, _ in _folder_members(folder) if not info.issym()}


def _folder_members(folder: Path) -> Iterator[tuple[tarfile.TarInfo, Path]]:
    """Yield the reproducible header and the path of everything below a folder, sorted, so parents before children.

    Of a mode, only the executable bit is kept: a setuid file of a package does not stay one.
    """
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            yield tar_header(name, mode=0o777, kind=tarfile.SYMTYPE, target=str(path.readlink())), path
        elif path.is_dir():
            yield tar_header(name, mode=0o755, kind=tarfile.DIRTYPE), path
        else:
            mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
            yield tar_header(name, size=path.stat().st_size, mode=mode), path
