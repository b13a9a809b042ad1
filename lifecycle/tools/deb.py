"""The files of a Debian package, read as a stream with dpkg-deb."""

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
    """A package that dpkg-deb cannot read; `reason` is the output of dpkg-deb."""

    def __init__(self, path: Path | str, output: str) -> None:
        super().__init__(f"{path} is not a readable Debian package", details=f"  {output.strip()}")
        self.reason = output


@contextmanager
def deb_stream(path: Path, *, partial: bool = False) -> Iterator[IO[bytes]]:
    """Yield the uncompressed tar of a package's files; with `partial` the caller may stop before its end.

    Raises ProgramMissingError, and UnreadablePackageError, also for a tarfile.TarError of the caller.
    """
    env = environment()
    if not shutil.which("dpkg-deb", path=env["PATH"]):
        raise ProgramMissingError("dpkg-deb")
    command = ["dpkg-deb", "--fsys-tarfile", str(path)]
    log_command(command)
    # Its messages go to a file: a second pipe that nobody reads would block it.
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        try:
            if process.stdout is not None:
                yield process.stdout
        except tarfile.ReadError as error:
            process.wait()
            raise UnreadablePackageError(path, _text(errors) or str(error)) from error
        except tarfile.TarError as error:
            # dpkg-deb may block on the rest of its output, which nobody reads.
            process.kill()
            raise UnreadablePackageError(path, str(error)) from error
        except BaseException:
            process.kill()
            raise
        if partial:
            process.kill()
        elif process.wait():
            raise UnreadablePackageError(path, _text(errors))


@contextmanager
def deb_files(path: Path) -> Iterator[tarfile.TarFile]:
    """Yield the files of a package as a tar that can be read once, in order. Raises what `deb_stream` raises."""
    with deb_stream(path, partial=True) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        yield tar


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
