"""An inventory of the cache, item by item. Nothing is changed: no link is followed, and no file is opened for writing."""

import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lifecycle.cache.cache import BOOTED, TESTED, Cache, file_name, read_json
from lifecycle.cache.last_used import used
from lifecycle.cache.rehearsals import REHEARSED
from lifecycle.planning.targets import Kind

# A download that has written nothing for so long has ended: sources/transfer.py gives a server up after 30 seconds.
_AT_WORK = 3600

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"([0-9a-f]{64})\.part")
# As tempfile names what cache/cache.py makes in tmp/: a scratch folder, and a file that is to be renamed; what sources/bundle.py
# writes there is never taken up again.
_SCRATCH = re.compile(r"[a-z-]+-[a-z0-9_]{8}")
_UNNAMED = re.compile(r"tmp[a-z0-9_]{8}|[0-9a-f]{64}\.bundle\.part")
# An image of ours, as a file's name.
_IMAGE = re.compile(r"nvidia-installer_\S+:[0-9a-f]+")
_BOOKS = ("last-build.json", "lock", "used.json", "verified.json")
_BLOCK = 512


class CacheSection(StrEnum):
    """The sections of a cache; OUTDATED items are from an older version, FOREIGN items are not ours."""

    BLOB = "blob"
    RESULT = "result"
    DOWNLOAD = "download"
    LEFTOVER = "leftover"
    LISTS = "lists"
    LOG = "log"
    ANSWERS = "answers"
    LATEST = "latest"
    TESTED = "tested"
    TIMING = "timing"
    FAILURE = "failure"
    BOOKS = "books"
    OUTDATED = "outdated"
    FOREIGN = "foreign"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item, which stays or goes as a whole.

    `name` identifies it: the sha256 of an input or of an unfinished download, the digest of a result of a `kind`, or the name
    of a file without its ending, or the combination of a tested image. `size` is in bytes on the disk; of several links to one
    file only the first counts. `used` is when a build last needed it, or when it was written, in seconds since 1970. `busy`
    tells whether another task uses it.
    """

    part: CacheSection
    kind: str = ""
    name: str
    path: Path
    size: int
    used: float
    busy: bool = False


def list_items(cache: Cache, now: float) -> list[Item]:
    """Return all items in the cache; none without a cache. Items that vanish meanwhile are left out."""
    return list(_Inventory(cache, now).items())


def freed_bytes(path: Path) -> int:
    """Return the bytes that removing a file or a folder frees: files with other links do not count."""
    return sum(status.st_blocks * _BLOCK for status in _files(path) if status.st_nlink == 1)


class _Inventory:
    """A walk through a cache folder."""

    def __init__(self, cache: Cache, now: float) -> None:
        self._root, self._now = cache.root, now
        self._used = {file_name(name): at for name, at in used(cache).items()}
        self._counted: set[tuple[int, int]] = set()

    def items(self) -> Iterator[Item]:
        # Inputs first: links to them are in the scratch folders of those who work with them.
        folders = {"blobs": self._blobs, "results": self._results, "tmp": self._tmp, "apt": self._lists}
        folders |= {"answers": self._answers, "logs": self._logs, "latest": self._latest}
        folders |= dict.fromkeys((TESTED, BOOTED, REHEARSED), self._tested)
        folders |= {
            "timings": self._timings,
            "radar": self._failures,
            "uploaded": self._uploaded,
            "given": self._outdated,
        }
        for name, walk in folders.items():
            for path in _children(self._root / name):
                yield from walk(path)
        for path in _children(self._root):
            if path.name in _BOOKS and _is(path, stat.S_ISREG):
                yield from self._item(path, CacheSection.BOOKS, path.name)
            elif path.name not in folders or not _is(path, stat.S_ISDIR):
                yield from self._foreign(path)

    def _blobs(self, path: Path) -> Iterator[Item]:
        yield from self._file(path, CacheSection.BLOB, path.name if _SHA256.fullmatch(path.name) else "")

    def _results(self, folder: Path) -> Iterator[Item]:
        if folder.name not in list(Kind) or not _is(folder, stat.S_ISDIR):
            yield from self._foreign(folder)
            return
        for path in _children(folder):
            if _SHA256.fullmatch(path.name) and _is(path, stat.S_ISDIR):
                yield from self._item(path, CacheSection.RESULT, path.name, kind=folder.name)
            else:
                yield from self._foreign(path)

    def _tmp(self, path: Path) -> Iterator[Item]:
        part = _PART.fullmatch(path.name)
        if part and _is(path, stat.S_ISREG):
            taken_up = not (self._root / "blobs" / part[1]).exists()
            yield from self._item(
                path, CacheSection.DOWNLOAD if taken_up else CacheSection.LEFTOVER, part[1], at_work=True
            )
        elif _SCRATCH.fullmatch(path.name) and _is(path, stat.S_ISDIR):
            yield from self._item(path, CacheSection.LEFTOVER, path.name, busy=_is_held(path))
        elif _UNNAMED.fullmatch(path.name) and _is(path, stat.S_ISREG):
            yield from self._item(path, CacheSection.LEFTOVER, path.name, at_work=True)
        else:
            yield from self._foreign(path)

    def _lists(self, path: Path) -> Iterator[Item]:
        if _is(path, stat.S_ISDIR):
            yield from self._item(path, CacheSection.LISTS, path.name, at_work=True)
        else:
            yield from self._foreign(path)

    def _answers(self, path: Path) -> Iterator[Item]:
        yield from self._file(path, CacheSection.ANSWERS, path.name if _IMAGE.fullmatch(path.name) else "")

    def _logs(self, folder: Path) -> Iterator[Item]:
        yield from self._named(folder, CacheSection.LOG, ".log")

    def _latest(self, folder: Path) -> Iterator[Item]:
        yield from self._named(folder, CacheSection.LATEST, ".json")

    def _timings(self, path: Path) -> Iterator[Item]:
        yield from self._file(path, CacheSection.TIMING, path.stem if path.suffix == ".json" else "")

    def _failures(self, path: Path) -> Iterator[Item]:
        yield from self._file(path, CacheSection.FAILURE, path.stem if path.suffix == ".json" else "")

    def _uploaded(self, path: Path) -> Iterator[Item]:
        yield from self._file(path, CacheSection.BOOKS, path.stem if path.suffix == ".json" else "")

    def _outdated(self, path: Path) -> Iterator[Item]:
        yield from self._file(path, CacheSection.OUTDATED, path.stem if path.suffix == ".json" else "")

    def _named(self, folder: Path, part: CacheSection, ending: str) -> Iterator[Item]:
        if not _is(folder, stat.S_ISDIR):
            yield from self._foreign(folder)
            return
        for path in _children(folder):
            yield from self._file(path, part, path.stem if path.suffix == ending else "", folder.name)

    def _tested(self, path: Path) -> Iterator[Item]:
        note = (read_json(path) if _is(path, stat.S_ISREG) else None) or {}
        yield from self._file(path, CacheSection.TESTED, str(note.get("combination", "")))

    def _file(self, path: Path, part: CacheSection, name: str, kind: str = "") -> Iterator[Item]:
        if name and _is(path, stat.S_ISREG):
            yield from self._item(path, part, name, kind=kind)
        else:
            yield from self._foreign(path)

    def _foreign(self, path: Path) -> Iterator[Item]:
        yield from self._item(path, CacheSection.FOREIGN, path.relative_to(self._root).as_posix())

    def _item(
        self, path: Path, part: CacheSection, name: str, *, kind: str = "", busy: bool = False, at_work: bool = False
    ) -> Iterator[Item]:
        statuses = list(_files(path, with_folders=True))
        if statuses:
            written = max(status.st_mtime for status in statuses)
            yield Item(
                part=part,
                kind=kind,
                name=name,
                path=path,
                size=self._size(statuses),
                used=max(written, self._used.get(name, 0)),
                busy=busy or (at_work and self._now - written < _AT_WORK),
            )

    def _size(self, statuses: list[os.stat_result]) -> int:
        size = 0
        for status in statuses:
            if (key := (status.st_dev, status.st_ino)) not in self._counted:
                self._counted.add(key)
                size += status.st_blocks * _BLOCK
        return size


def _children(folder: Path) -> list[Path]:
    """Return the sorted content of a folder; nothing for a file, a link or a missing path."""
    return sorted(folder.iterdir()) if _is(folder, stat.S_ISDIR) else []


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    """Return whether a path itself, not the target of a link, is of a kind."""
    try:
        return kind(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _files(path: Path, *, with_folders: bool = False) -> Iterator[os.stat_result]:
    """Yield the status of a file, or of all files below a folder, and of the folders if they are wanted."""
    paths = iter([path])
    if _is(path, stat.S_ISDIR):
        more = ["."] if with_folders else []
        paths = (Path(parent, name) for parent, _, names in os.walk(path) for name in [*names, *more])
    for one in paths:
        with suppress(FileNotFoundError):
            yield one.lstat()


def _is_held(folder: Path) -> bool:
    """Return whether a scratch folder is in use. It counts as used if that is unknown: no permission, or no locks."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
