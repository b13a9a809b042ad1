"""The files of a Debian package, one after the other, without unpacking it."""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lifecycle.errors import InstallerError
from lifecycle.tools.process import ProgramMissingError, environment


class UnreadablePackageError(InstallerError):
    """A package that dpkg-deb cannot read."""

    def __init__(self, path: Path, said: str) -> None:
        super().__init__(f"{path} is no package that can be read", details=f"  {said.strip()}")


@contextmanager
def deb_files(path: Path) -> Iterator[tarfile.TarFile]:
    """Yield a package's files as a tar that is read from front to back; raises UnreadablePackageError, ProgramMissingError."""
    env = environment()
    if not shutil.which("dpkg-deb", path=env["PATH"]):
        raise ProgramMissingError("dpkg-deb")
    command = ["dpkg-deb", "--fsys-tarfile", str(path)]
    # What it says goes to a file: a second pipe that nobody reads would block it.
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=said) as process,
    ):
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                yield tar
        except tarfile.ReadError as error:
            process.wait()
            said.seek(0)
            raise UnreadablePackageError(path, said.read().decode(errors="replace") or str(error)) from error
        finally:
            # Whoever has found what he wants leaves the rest unread.
            process.kill()
