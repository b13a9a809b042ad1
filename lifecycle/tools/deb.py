"""The files of a Debian package as a stream."""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lifecycle.errors import InstallerError
from lifecycle.tools.process import ProgramMissingError, environment, log_command


class UnreadablePackageError(InstallerError):
    """A package that dpkg-deb cannot read."""

    def __init__(self, path: Path | str, said: str) -> None:
        super().__init__(f"{path} is no package that can be read", details=f"  {said.strip()}")
        self.reason = said


@contextmanager
def deb_stream(path: Path, *, partial: bool = False) -> Iterator[IO[bytes]]:
    """Yield the uncompressed tar of a package's files, of which `partial` only some will be read.

    Raises UnreadablePackageError, also where the block cannot read the tar in it (tarfile.TarError); ProgramMissingError.
    """
    env = environment()
    if not shutil.which("dpkg-deb", path=env["PATH"]):
        raise ProgramMissingError("dpkg-deb")
    command = ["dpkg-deb", "--fsys-tarfile", str(path)]
    log_command(command)
    # What it says goes to a file: a second pipe that nobody reads would block it.
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        try:
            if process.stdout is not None:
                yield process.stdout
        except tarfile.ReadError as error:
            process.wait()
            raise UnreadablePackageError(path, _text(said) or str(error)) from error
        except tarfile.TarError as error:
            # It may still have much to write that nobody will read.
            process.kill()
            raise UnreadablePackageError(path, str(error)) from error
        except BaseException:
            process.kill()
            raise
        if partial:
            process.kill()
        elif process.wait():
            raise UnreadablePackageError(path, _text(said))


@contextmanager
def deb_files(path: Path) -> Iterator[tarfile.TarFile]:
    """Yield a package's files as a tar that is read from front to back; raises what `deb_stream` raises."""
    with deb_stream(path, partial=True) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        yield tar


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
