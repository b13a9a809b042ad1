"""The cache: input files by their sha256, results by the digest of what went into them.

    blobs/<sha256>             an input, byte for byte
    results/<kind>/<digest>/   a result: its files, and result.json, which describes it
    latest/<kind>/<name>.json  the inputs of what was last made under a name, to say why it has to be made anew
    answers/<image>            what the conftest questions of drivers were answered in the image of a kernel
    given/<place>.json         which results a store that machines share is known to have
    logs/<kind>/<name>.log     what the tools printed while making it
    tested/<image id>.json     an image whose tests have all passed
    timings/<name>.json        how long a compile took
    used.json                  when a build last needed what (cache/last_used.py)
    tmp/                       whatever is not whole yet

Everything is written in tmp/ and renamed, so that a killed run leaves nothing half made under a name that counts.
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

from lifecycle.cache.result_files import RESULT, Result, described, sha256_of
from lifecycle.errors import writing

_INDEX = "verified.json"


def default_cache_dir(environ: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/nvidia-installer`, or `~/.cache/nvidia-installer` (XDG Base Directory Specification 0.8)."""
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "nvidia-installer"


def file_name(name: str) -> str:
    """A target's name as the name of one file."""
    return name.replace("/", "_")


class Cache:
    """The cache below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tmp = root / "tmp"
        self._blobs = root / "blobs"
        self._index: dict[str, list[int]] | None = None

    def blob(self, sha256: str) -> Path:
        """Where the input with that sha256 lies, or will lie."""
        return self._blobs / sha256

    def part(self, sha256: str) -> Path:
        """Where a download of that input goes until it is whole; it survives a run, to be resumed."""
        self.tmp.mkdir(parents=True, exist_ok=True)
        return self.tmp / f"{sha256}.part"

    def has_blob(self, sha256: str) -> bool:
        """Whether the input is there, undamaged.

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
        """Give a verified file its name."""
        self._blobs.mkdir(parents=True, exist_ok=True)
        part.chmod(0o444)
        part.replace(self.blob(sha256))
        self._verified()[sha256] = _stamp(self.blob(sha256))
        return self.blob(sha256)

    def forget_blob(self, sha256: str) -> None:
        """Remove an input that nobody needs, or that is damaged."""
        self.blob(sha256).unlink(missing_ok=True)
        self._verified().pop(sha256, None)

    def save_index(self) -> None:
        """Write down which blobs have been verified."""
        if self._index is not None:
            self.write(self.root / _INDEX, json.dumps(self._index))

    def _verified(self) -> dict[str, list[int]]:
        if self._index is None:
            self._index = read_json(self.root / _INDEX) or {}
        return self._index

    def result(self, kind: str, digest: str) -> Result | None:
        """The finished result, or None."""
        folder = self.root / "results" / kind / digest
        about = read_json(folder / RESULT)
        return None if about is None else Result(kind=kind, digest=digest, folder=folder, about=about)

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Yield an empty folder that is gone after the block."""
        self.tmp.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.tmp))
        # It ends with the process, however that ends: by it a folder in use is told from one that was left behind.
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
        """Yield an empty folder to make a result in; it gets its name when the block ends well, and goes when not.

        `about` is written to result.json then, with whatever the block has added to it, and the sha256 of each file.
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
        """Write down the inputs of what has just been made under a name."""
        self.write(self._latest(kind, name), json.dumps(inputs))

    def latest_inputs(self, kind: str, name: str) -> Mapping[str, object] | None:
        """The inputs of what was last made under a name, or None."""
        return read_json(self._latest(kind, name))

    def _latest(self, kind: str, name: str) -> Path:
        return self.root / "latest" / kind / f"{file_name(name)}.json"

    def conftest_answers(self, image: str) -> Path:
        """Where lies what has been learnt of a kernel, in the image with its headers (scripts/builder/conftest-cc)."""
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

    def given(self, place: str) -> set[str]:
        """The digests of the results that a store is known to have; `place` is `registry/repository`."""
        return set(read_json(self._given(place)) or {})

    def note_given(self, place: str, digests: Iterable[str]) -> None:
        """Write down what `given` returns."""
        self.write(self._given(place), json.dumps(dict.fromkeys(sorted(digests), True)))

    def _given(self, place: str) -> Path:
        return self.root / "given" / f"{file_name(place)}.json"

    def note_tested(self, image: str, combination: str) -> None:
        """Write down that all tests of an image (by its id) have passed."""
        path = self._tested(image)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"combination": combination}))

    def is_tested(self, image: str) -> bool:
        """Whether all tests of that very image have passed."""
        return self._tested(image).exists()

    def _tested(self, image: str) -> Path:
        return self.root / "tested" / f"{image.removeprefix('sha256:')}.json"

    def forget_result(self, result: Result) -> None:
        """Remove a result that nobody needs, or that is damaged."""
        self.discard(result.folder)

    def discard(self, folder: Path) -> None:
        """Remove a folder of the cache; a killed run leaves either all of it, or nothing under its name."""
        with self.scratch("discard") as scratch:
            folder.replace(scratch / "folder")

    def log(self, kind: str, name: str) -> Path:
        """Where the log of making a result goes."""
        path = self.root / "logs" / kind / f"{file_name(name)}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def timing(self, name: str) -> Path:
        """Where it goes how long the compile of that name took."""
        path = self.root / "timings" / f"{file_name(name)}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def timings(self) -> list[Path]:
        """What `timing` has been asked for and is there."""
        return sorted((self.root / "timings").glob("*.json"))

    def write(self, path: Path, text: str) -> None:
        """Write a small file of the cache, whole or not at all."""
        for folder in (self.tmp, path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with writing(path), tempfile.NamedTemporaryFile("w", dir=self.tmp, delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """What a file of ours says; None where there is none, or it is damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _stamp(path: Path) -> list[int]:
    status = os.stat(path)  # noqa: PTH116 - one system call, on the path of every no-op run
    return [status.st_size, status.st_mtime_ns, status.st_ino]
