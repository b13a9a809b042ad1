"""The cache: input files by their sha256, and results by the digest of their inputs.

    blobs/<sha256>             an input, byte for byte
    results/<kind>/<digest>/   a result: its files, and result.json, which describes it
    latest/<kind>/<name>.json  the inputs of the latest result of a name, to explain a rebuild
    answers/<image>            conftest's answers in the image of a kernel
    uploaded/<place>.json      the results that a remote cache is known to have
    logs/<kind>/<name>.log     the output of the tools that made it
    tested/<image id>.json     an image whose tests have all passed: which ones, and with what
    booted/<image id>.json     an image whose kernel has loaded its modules; rehearsed/<digest>.json: its last rehearsal
    timings/<name>.json        how long a compile took; radar/<digest>.json: why one failed
    used.json, last-build.json when a build last needed each item; the steps of the last build with their times
    tmp/                       unfinished files and folders

Everything is written in tmp/ and renamed, so that a killed run leaves no unfinished file or folder under a final name.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lifecycle.cache.results import RESULT, Result, described
from lifecycle.errors import writing
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.paths import home

_INDEX = "verified.json"
# The sections with what tests have shown of images.
TESTED = "tested"
BOOTED = "booted"


def default_cache_dir(environ: Mapping[str, str]) -> Path:
    """Return `$XDG_CACHE_HOME/nvidia-installer` or `~/.cache/nvidia-installer` (XDG Base Directory Specification 0.8).

    Raises NoHomeError.
    """
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else home("the cache") / ".cache") / "nvidia-installer"


def file_name(name: str) -> str:
    """Return a target's name as a file name."""
    return name.replace("/", "_")


class Cache:
    """The cache below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tmp = root / "tmp"
        self._blobs = root / "blobs"
        self._index: dict[str, list[int]] | None = None

    def blob(self, sha256: str) -> Path:
        """Return the path of an input by its sha256, whether it exists or not."""
        return self._blobs / sha256

    def part(self, sha256: str) -> Path:
        """Return the path of an unfinished download. It survives a run, so that the download can be resumed."""
        self.tmp.mkdir(parents=True, exist_ok=True)
        return self.tmp / f"{sha256}.part"

    def has_blob(self, sha256: str) -> bool:
        """Return whether an input exists and is undamaged.

        A file is hashed once; after that its size, its modification time and its inode vouch for it, so that asking costs
        a stat. A damaged file is removed.
        """
        path = self.blob(sha256)
        try:
            stamp = _stamp(path)
        except FileNotFoundError:
            return False
        if self._verified().get(sha256) == stamp:
            return True
        if sha256_of(path) != sha256:
            path.unlink()
            return False
        self._verified()[sha256] = stamp
        return True

    def keep_blob(self, part: Path, sha256: str) -> Path:
        """Move a verified file to its path, and return the path."""
        self._blobs.mkdir(parents=True, exist_ok=True)
        part.chmod(0o444)
        part.replace(self.blob(sha256))
        self._verified()[sha256] = _stamp(self.blob(sha256))
        return self.blob(sha256)

    def forget_blob(self, sha256: str) -> None:
        """Remove an input."""
        self.blob(sha256).unlink(missing_ok=True)
        self._verified().pop(sha256, None)

    def save_index(self) -> None:
        """Save which inputs have been verified."""
        if self._index is not None:
            self.write(self.root / _INDEX, json.dumps(self._index))

    def _verified(self) -> dict[str, list[int]]:
        if self._index is None:
            self._index = read_json(self.root / _INDEX) or {}
        return self._index

    def result(self, kind: str, digest: str) -> Result | None:
        """Return a finished result, or None."""
        folder = self.root / "results" / kind / digest
        about = read_json(folder / RESULT)
        return None if about is None else Result(kind=kind, digest=digest, folder=folder, about=about)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Yield an empty folder that is removed at the end."""
        self.tmp.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.tmp))
        # The lock ends with the process, even if it is killed. A folder without a lock was left behind.
        held = os.open(folder, os.O_RDONLY)
        try:
            with suppress(OSError):  # not every file system has locks of folders
                fcntl.flock(held, fcntl.LOCK_SH)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)

    @contextmanager
    def making(self, kind: str, digest: str, about: dict[str, object]) -> Iterator[Path]:
        """Yield an empty folder for a new result. It becomes the result if the block succeeds, and is removed if it fails.

        Then `about`, with the additions of the block, and the sha256 of each file are written to result.json.
        """
        with self.scratch(kind) as folder:
            yield folder
            (folder / RESULT).write_text(described(folder, about), encoding="utf-8")
            folder.chmod(0o755)
            final = self.root / "results" / kind / digest
            final.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(final, ignore_errors=True)
            folder.replace(final)

    def remember(self, kind: str, name: str, inputs: Mapping[str, object]) -> None:
        """Save the inputs of a new result as the latest of its name."""
        self.write(self._latest(kind, name), json.dumps(inputs))

    def latest_inputs(self, kind: str, name: str) -> Mapping[str, object] | None:
        """Return the inputs of the latest result of a name, or None."""
        return read_json(self._latest(kind, name))

    def was_built(self, kind: str, name: str) -> bool:
        """Return whether this cache has had a result of a name."""
        return self._latest(kind, name).is_file()

    def _latest(self, kind: str, name: str) -> Path:
        return self.root / "latest" / kind / f"{file_name(name)}.json"

    def conftest_answers(self, image: str) -> Path:
        """Return the path of the conftest answers for a kernel, by the tag of its image (see scripts/builder/conftest-cc)."""
        return self.root / "answers" / file_name(image)

    def add_answers(self, image: str, new: Path) -> int:
        """Add the lines of a file to the conftest answers of a kernel's image. Return the number of lines in the file.

        Other threads and processes may add answers at the same time.
        """
        path = self.conftest_answers(image)
        path.parent.mkdir(parents=True, exist_ok=True)
        added = set(new.read_text(encoding="utf-8").splitlines())
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            # The lock is of the folder, since the file is replaced.
            fcntl.flock(folder, fcntl.LOCK_EX)
            known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
            self.write(path, "".join(f"{line}\n" for line in sorted({*known, *added})))
        finally:
            os.close(folder)
        return len(added)

    def uploaded(self, place: str) -> set[str]:
        """Return the digests of the results that a remote cache is known to have; `place` is `registry/repository`."""
        return set(read_json(self._uploaded(place)) or {})

    def note_uploaded(self, place: str, digests: Iterable[str]) -> None:
        """Save what `uploaded` returns."""
        self.write(self._uploaded(place), json.dumps(dict.fromkeys(sorted(digests), True)))

    def _uploaded(self, place: str) -> Path:
        return self.root / "uploaded" / f"{file_name(place)}.json"

    def is_tested(self, image: str) -> bool:
        """Return whether all tests of an image, by its id, have passed."""
        return self.evidence_file(TESTED, image).exists()

    def evidence_file(self, section: str, image: str) -> Path:
        """Return the path of what tests have shown of an image, by its id, in the section TESTED or BOOTED."""
        return self.root / section / f"{image.removeprefix('sha256:')}.json"

    def forget_result(self, result: Result) -> None:
        """Remove a result."""
        self.discard(result.folder)

    def discard(self, folder: Path) -> None:
        """Remove a folder of the cache. A killed run leaves either the whole folder or nothing under its name."""
        with self.scratch("discard") as scratch:
            folder.replace(scratch / "folder")

    def log(self, kind: str, name: str) -> Path:
        """Return the path of a result's log; its folder exists."""
        path = self.root / "logs" / kind / f"{file_name(name)}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def timing(self, name: str) -> Path:
        """Return the path of the timing of a compile; its folder exists."""
        path = self.root / "timings" / f"{file_name(name)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def timings(self) -> list[Path]:
        """Return the paths of all timings, sorted."""
        return sorted((self.root / "timings").glob("*.json"))

    def write(self, path: Path, text: str) -> None:
        """Write a small file of the cache atomically."""
        for folder in (self.tmp, path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with writing(path), tempfile.NamedTemporaryFile("w", dir=self.tmp, delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file; None if it is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _stamp(path: Path) -> list[int]:
    status = os.stat(path)  # noqa: PTH116 - one system call, on the path of every no-op run
    return [status.st_size, status.st_mtime_ns, status.st_ino]
