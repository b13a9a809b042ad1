"""One process of apt that downloads some packages, and what it says about each."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.errors import InstallerError
from lifecycle.sources.apt.busy import find_busy_answer
from lifecycle.sources.download import Advance, BusyServerError, DownloadError, FileGoneError, HashMismatchError
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.process import environment, log_command

# The lines of apt about a package that it failed to download: its name, which is a sha256, and the reason, indented.
_FAILURE = re.compile(r"^Err:\d+ .*\b(?P<sha256>[0-9a-f]{64})\b.*\n(?P<reason>(?: .*\n?)*)", re.MULTILINE)
# HTTP's status, and the words of the methods `file` and `copy`.
_GONE = re.compile(r"\s*(?:404\b|410\b|File not found|Failed to stat)")
_OTHER_FILE = re.compile(r"\s*(?:Hash Sum mismatch|File has unexpected size)")
_RECEIVED = re.compile(r"Hashes of received file:.*?SHA256:(?P<sha256>[0-9a-f]{64})", re.DOTALL)
_ALL_TRIED = "Some files failed to download"
_END_OF_OUTPUT = 3  # lines


class AptJob:
    """One process of apt, and the files that it downloads, each as a package with its sha256 as name.

    An unfinished file becomes a part in the cache at the end, also at that of a stopped job, and the next job resumes it.
    """

    def __init__(
        self,
        root: Path,
        files: Sequence[LockedFile],
        cache: Cache,
        options: Sequence[str],
        counted: dict[str, int] | None = None,
    ) -> None:
        """Start the download of the files. `root` is a private root for this job only, `options` are those of it.

        `counted` has the bytes by sha256 that earlier jobs have reported, and is updated.
        """
        self._output, self._files, self._cache, self._options = root / "output", files, cache, options
        self._archives = root / "cache/archives"
        self._counted = {} if counted is None else counted
        self._failures: dict[str, str] = {}
        for file in files:
            if cache.part(file.sha256).exists():
                # apt writes to a copy of it.
                self._partial(file).hardlink_to(cache.part(file.sha256))
        self._process = self._start(["--yes", "--download-only", "install"], files)

    def start_copy(self) -> bool:
        """Start to copy the files that apt has left where they are, on this machine. Returns whether there are any."""
        output = self._read_output()
        tried = self._process.returncode == 0 or _ALL_TRIED in output
        left = [f for f in self._files if f.sha256 not in self._failures and not self._finished(f)] if tried else []
        for file in left:
            (self._archives / _name(file)).unlink(missing_ok=True)
        if left:
            self._process = self._start(["download"], left)
        return bool(left)

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the process for some seconds. Returns whether it has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Terminate the process if it runs, and move the unfinished files to the parts in the cache."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
        for file in self._files:
            if not self._finished(file) and self._partial(file).exists():
                self._partial(file).replace(self._cache.part(file.sha256))

    def report(self, advance: Advance) -> None:
        """Call `advance` with the number of bytes that each file got since the last call."""
        for file in self._files:
            path = self._archives / _name(file)
            size = _size_of(path) or _size_of(self._partial(file))
            # A download that is not resumed but started again brings bytes that are counted already.
            advance(max(size - self._counted.get(file.sha256, 0), 0))
            self._counted[file.sha256] = max(size, self._counted.get(file.sha256, 0))

    def keep(self) -> list[InstallerError]:
        """Move the verified files into the cache, and return an error for each of the others."""
        output = self._read_output()
        return [error for file in self._files if (error := self._keep(file, output))]

    def _keep(self, file: LockedFile, output: str) -> InstallerError | None:
        part = self._cache.part(file.sha256)
        if self._finished(file):
            (self._archives / _name(file)).replace(part)
            obtained = sha256_of(part)
            if obtained == file.sha256:
                self._cache.keep_blob(part, file.sha256)
                return None
            part.unlink()
            return HashMismatchError(file, obtained)
        reason = self._failures.get(file.sha256, "")
        if _OTHER_FILE.match(reason):
            part.unlink(missing_ok=True)
        if _GONE.match(reason):
            return FileGoneError(file)
        if _OTHER_FILE.match(reason):
            received = _RECEIVED.search(reason)
            return HashMismatchError(file, received["sha256"] if received else f"unknown ({_one_line(reason)})")
        kind = BusyServerError if find_busy_answer(reason) else DownloadError
        return kind(file, _one_line(reason) or _end_of(output))

    def _start(self, action: Sequence[str], files: Sequence[LockedFile]) -> subprocess.Popen[bytes]:
        command = ["apt-get", *self._options, "--quiet", *action, *(file.sha256 for file in files)]
        log_command(command)
        with self._output.open("wb") as out:
            return subprocess.Popen(
                command,
                cwd=self._archives,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def _partial(self, file: LockedFile) -> Path:
        return self._archives / "partial" / _name(file)

    def _finished(self, file: LockedFile) -> bool:
        path = self._archives / _name(file)
        # apt moves an unfinished file there if it then finds the package elsewhere on this machine.
        return path.is_file() and path.stat().st_size == file.size

    def _read_output(self) -> str:
        """Read what apt has written, and the failures in it."""
        output = self._output.read_text(encoding="utf-8", errors="replace")
        self._failures |= {match["sha256"]: match["reason"] for match in _FAILURE.finditer(output)}
        return output


def _name(file: LockedFile) -> str:
    """Return the name of a file in apt's cache (apt's pkgAcqArchive): package, version, architecture."""
    return f"{file.sha256}_1_all.deb"


def _size_of(path: Path) -> int:
    """Return the size of a file in bytes; 0 for none. apt may move it at any time."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _one_line(reason: str) -> str:
    return " ".join(reason.split())


def _end_of(output: str) -> str:
    """Return the errors of apt that are about no package, or the end of its output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
    return "; ".join((errors or lines)[-_END_OF_OUTPUT:])
