"""Archives that are the same bytes for the same files: sorted, one owner, one time, zstd."""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

import zstandard

from lifecycle.errors import InstallerError, writing
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH

_WINDOW_LOG = 27


class UnsafeArchiveError(InstallerError):
    """An archive with a path that leads out of the folder it is unpacked in."""

    def __init__(self, archive: str, member: str) -> None:
        super().__init__(
            f"{archive} holds {member!r}, which leads out of it",
            resolution="Do not use this file; find out where it came from.",
        )


def normalised(
    name: str, *, size: int = 0, mode: int = 0o644, kind: bytes = tarfile.REGTYPE, target: str = ""
) -> tarfile.TarInfo:
    """A tar header without anything that differs from machine to machine."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.linkname, info.mtime = size, mode, kind, target, SOURCE_DATE_EPOCH
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info


def members_of(folder: Path) -> Iterator[tuple[tarfile.TarInfo, Path]]:
    """Everything below a folder as normalised headers, sorted, parents before children."""
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            yield normalised(name, mode=0o777, kind=tarfile.SYMTYPE, target=str(path.readlink())), path
        elif path.is_dir():
            yield normalised(name, mode=0o755, kind=tarfile.DIRTYPE), path
        else:
            mode = 0o755 if path.stat().st_mode & 0o111 else 0o644
            yield normalised(name, size=path.stat().st_size, mode=mode), path


def write_tar(folder: Path, out: IO[bytes]) -> None:
    """Write a folder as an uncompressed tar (POSIX.1-2001, pax)."""
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, path in members_of(folder):
            if info.isreg():
                with path.open("rb") as file:
                    tar.addfile(info, file)
            else:
                tar.addfile(info)


def write_tar_zst(folder: Path, out: Path, *, level: int, threads: int) -> None:
    """Write a folder as tar.zst; the level decides the size, `threads` (at least 1) only the time.

    Long-distance matching finds what two libraries, or two firmware files, have in common. Its window is the largest
    that `zstd --decompress`, and so `tar --zstd` on the node, takes without being asked (zstd(1), --long).
    """
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, threads=threads, enable_ldm=True, window_log=_WINDOW_LOG, write_checksum=True
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    with writing(out), out.open("wb") as raw, compressor.stream_writer(raw) as stream:
        write_tar(folder, stream)


def tar_bytes(files: Mapping[str, bytes | Path], *, executables: Iterable[str] = ()) -> bytes:
    """A small uncompressed tar of named contents, with the folders above them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        write_members(tar, files, executables=executables)
    return buffer.getvalue()


def write_members(tar: tarfile.TarFile, files: Mapping[str, bytes | Path], *, executables: Iterable[str] = ()) -> None:
    """Add named contents (bytes, or files to stream) to an open tar, with the folders above them."""
    folders = {parent.as_posix() for name in files for parent in PurePosixPath(name).parents} - {"."}
    for folder in sorted(folders):
        tar.addfile(normalised(folder, mode=0o755, kind=tarfile.DIRTYPE))
    runnable = set(executables)
    for name, content in sorted(files.items()):
        mode = 0o755 if name in runnable else 0o644
        if isinstance(content, bytes):
            tar.addfile(normalised(name, size=len(content), mode=mode), io.BytesIO(content))
        else:
            with content.open("rb") as file:
                tar.addfile(normalised(name, size=content.stat().st_size, mode=mode), file)


def extract_safely(
    stream: IO[bytes], folder: Path, *, archive: str, strip: str = "", wanted: Callable[[str], bool] = lambda _: True
) -> None:
    """Unpack a tar stream into a folder, or the files of it that are `wanted` by their path, less the beginning `strip`.

    The rules are those of Python's `data` filter (PEP 706): no absolute paths, no `..`, no links that lead out, no devices.
    Raises UnsafeArchiveError for a member that breaks one, wanted or not.
    """

    def stripped(name: str) -> str:
        return name.removeprefix("./").removeprefix(strip)

    def choose(member: tarfile.TarInfo, to: str) -> tarfile.TarInfo | None:
        safe = tarfile.data_filter(member, to)
        path = stripped(safe.name)
        if not path or safe.isdir() or not wanted(path):
            return None
        # A hard link names its file from the beginning of the archive, a symbolic one from where it lies.
        return safe.replace(name=path, linkname=stripped(safe.linkname)) if safe.islnk() else safe.replace(name=path)

    with tarfile.open(fileobj=stream, mode="r|") as tar:
        try:
            tar.extractall(folder, filter=choose)  # noqa: S202 - `choose` starts with the data filter
        except tarfile.FilterError as error:
            raise UnsafeArchiveError(archive, error.tarinfo.name) from error


def file_digests(folder: Path) -> dict[str, str]:
    """The sha256 of every regular file below a folder, and `-> target` of every link, by relative path."""
    result = {}
    for info, path in members_of(folder):
        if info.issym():
            result[info.name] = f"-> {info.linkname}"
        elif info.isreg():
            with path.open("rb") as file:
                result[info.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return result
