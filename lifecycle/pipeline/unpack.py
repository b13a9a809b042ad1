"""Unpack the files of a driver into a folder. No path leads out of the folder, and none of the files' scripts run here."""

import lzma
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.errors import InstallerError
from lifecycle.tools.archive import extract_safely
from lifecycle.tools.deb import UnreadablePackageError, deb_stream
from lifecycle.tools.engine.engine import Engine
from lifecycle.tools.file_format import FileFormat, format_of

_SCRIPT = Path("scripts/runfile/unpack")
_SHOWN = 8

# Tells whether a file, by its path in the archive, is wanted.
Wanted = Callable[[str], bool]


class NotUnpackedError(InstallerError):
    """A file of a driver that cannot be unpacked."""

    def __init__(self, file: LockedFile, said: str) -> None:
        super().__init__(f"{file.name} {file.version} cannot be unpacked", details=f"  {said.strip()}")


@dataclass(frozen=True, kw_only=True)
class Unpacker:
    """The unpacker of files. `root` is the checkout.

    NVIDIA's installers run without network in a container of the image `base`.
    """

    root: Path
    cache: Cache
    engine: Engine
    base: str

    def unpack(self, file: LockedFile, folder: Path, *, wanted: Wanted) -> FileFormat:
        """Unpack the wanted files into a new folder, and return the format. Raises NotUnpackedError, UnsafeArchiveError."""
        file_format, path = format_of(file.file_name), self.cache.blob(file.sha256)
        folder.mkdir(parents=True)
        match file_format:
            case FileFormat.DEB:
                unpack_deb(path, file, folder, wanted=wanted)
            case FileFormat.REDISTRIBUTABLE:
                _unpack_tar(path, file, folder, wanted)
            case FileFormat.RUNFILE:
                self._run(path, file, folder, wanted)
            case None:
                raise NotUnpackedError(file, f"{file.file_name} has none of the known endings: {', '.join(FileFormat)}")
        return file_format

    def _run(self, path: Path, file: LockedFile, folder: Path, wanted: Wanted) -> None:
        log = self.cache.log("runfile", f"{file.name}-{file.version}")
        command = ["/in/unpack", "/in/driver.run", "/out"]
        files = {"in/unpack": self.root / _SCRIPT, "in/driver.run": path}
        with (
            self.cache.scratch("runfile") as scratch,
            self.engine.container(self.base, env={}, entrypoint=command) as container,
        ):
            container.put(files, executables=["in/unpack"], folders=["out"], scratch=scratch)
            if container.run(log):
                said = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN:]
                raise NotUnpackedError(file, "\n  ".join([*said, f"the whole log: {log}"]))
            try:
                with container.get("/out/driver") as stream:
                    extract_safely(stream, folder, archive=file.file_name, strip="driver/", wanted=wanted)
            except tarfile.TarError as error:
                raise NotUnpackedError(file, str(error)) from error


def unpack_deb(path: Path, file: LockedFile, folder: Path, *, wanted: Wanted = lambda _: True) -> None:
    """Unpack a package's files, without its scripts, into a folder. Raises NotUnpackedError, UnsafeArchiveError."""
    try:
        with deb_stream(path) as stream:
            extract_safely(stream, folder, archive=path.name, wanted=wanted)
    except UnreadablePackageError as error:
        raise NotUnpackedError(file, error.reason) from error


def _unpack_tar(path: Path, file: LockedFile, folder: Path, wanted: Wanted) -> None:
    try:
        with lzma.open(path) as stream:
            extract_safely(stream, folder, archive=file.file_name, wanted=wanted)
    except (lzma.LZMAError, EOFError, tarfile.TarError) as error:
        raise NotUnpackedError(file, str(error)) from error
