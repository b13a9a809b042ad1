"""Downloads: in parallel, resumed or retried on failure, verified before they get their name."""

import errno
import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

from lifecycle.cache.cache import Cache
from lifecycle.cache.result_files import sha256_of
from lifecycle.config.lock import LockedFile
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.transfer import Address, NotThere, Refused, Wait, new_client, transfer

CONNECTIONS = 8


class Named(Protocol):
    """What an error has to know of a file."""

    @property
    def name(self) -> str:
        """Its name in the lock."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def origin(self) -> str:
        """Where it comes from, as the lock writes it."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A file to have: what the lock says of it, and where it is to be had from here."""

    file: LockedFile
    address: Address


@dataclass(frozen=True, kw_only=True)
class NewFile:
    """A file that no lock knows yet: what it will be called there, and where it is to be had from here.

    `verify` looks at what arrived and returns what is wrong with it, or nothing.
    """

    name: str
    version: str
    origin: str
    address: Address
    verify: Callable[[Path], str] = lambda _: ""


class GoneError(InstallerError):
    """A file that its source no longer carries (HTTP 404 or 410)."""

    def __init__(self, file: LockedFile) -> None:
        super().__init__(
            f"the archive no longer carries {file.name} {file.version} ({file.origin})",
            resolution="Where its index still names the file, the archive is being updated: try again in a while.",
        )
        self.file = file


class SourceFileNotFoundError(UsageError):
    """A file that its source does not have."""

    def __init__(self, file: Named) -> None:
        super().__init__(
            f"there is no {file.name} {file.version} at {file.origin}: "
            "name a version that is there, or mend its source in component.yaml"
        )


class DownloadError(InstallerError):
    """A download that failed for good."""

    def __init__(self, file: Named, why: str) -> None:
        super().__init__(
            f"{file.name} {file.version} could not be downloaded ({file.origin})",
            details=f"  {why}",
            resolution="Run the command again: what has been downloaded is kept. If it persists, check the source.",
        )


class WrongHashError(InstallerError):
    """A file that is not what the lock says it is."""

    def __init__(self, file: LockedFile, obtained: str) -> None:
        super().__init__(
            f"{file.name} {file.version} is not the file that versions.lock names: it was thrown away",
            details=f"  expected sha256 {file.sha256}\n  obtained sha256 {obtained}\n  from {file.origin}",
            resolution="If the archive replaced the file on purpose, run `invoke fetch --update` and review versions.lock.",
        )


class DamagedError(InstallerError):
    """A new file that is not what its source says it is."""

    def __init__(self, file: NewFile, why: str) -> None:
        super().__init__(
            f"{file.name} {file.version} did not arrive as its source has it: it was thrown away",
            details=f"  {why}\n  from {file.origin}",
            resolution="Run the command again; if it persists, the file is damaged where it comes from.",
        )


Advance = Callable[[int], None]


def download_all(requests: Iterable[Request], cache: Cache, *, advance: Advance, wait: Wait = time.sleep) -> None:
    """Bring every file into the store; `advance` is told the bytes as they come, `wait` the seconds before a retry.

    Raises the first GoneError, WrongHashError or DownloadError, after all others have ended; after a DownloadError, which has
    had its attempts, no more are begun: without a network each of hundreds would have its own.
    """
    hopeless = threading.Event()

    def download(request: Request) -> None:
        if not hopeless.is_set():
            try:
                _download(client, request, cache, advance, wait)
            except DownloadError:
                hopeless.set()
                raise

    with new_client(CONNECTIONS) as client, ThreadPoolExecutor(CONNECTIONS) as pool:
        jobs = [pool.submit(download, request) for request in requests]
    for job in jobs:
        job.result()


def _download(client: httpx.Client, request: Request, cache: Cache, advance: Advance, wait: Wait) -> None:
    file, part = request.file, cache.part(request.file.sha256)
    counted = 0

    def reach(size: int) -> None:
        # A connection that is taken up again, or starts over, brings bytes that have been counted.
        nonlocal counted
        advance(max(size - counted, 0))
        counted = max(size, counted)

    try:
        with _failures(file):
            transfer(client, request.address, part, size=file.size, reach=reach, wait=wait)
    except NotThere as error:
        raise GoneError(file) from error
    obtained = sha256_of(part)
    if obtained != file.sha256:
        part.unlink()
        raise WrongHashError(file, obtained)
    cache.keep_blob(part, file.sha256)


def download_new(file: NewFile, cache: Cache, *, wait: Wait = time.sleep) -> LockedFile:
    """Bring a file into the store whose size and sha256 are not known yet, and return what the lock is to say of it.

    Raises LackingError, DamagedError, DownloadError.
    """
    part = cache.part(hashlib.sha256(file.origin.encode()).hexdigest())
    try:
        with new_client(1) as client, _failures(file):
            transfer(client, file.address, part, wait=wait)
    except NotThere as error:
        raise SourceFileNotFoundError(file) from error
    wrong = file.verify(part)
    if wrong:
        part.unlink()
        raise DamagedError(file, wrong)
    sha256, size = sha256_of(part), part.stat().st_size
    cache.keep_blob(part, sha256)
    return LockedFile(name=file.name, version=file.version, origin=file.origin, size=size, sha256=sha256)


@contextmanager
def _failures(file: Named) -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise DownloadError(file, str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise DownloadError(file, f"it cannot be written to the cache: {error.strerror}") from error
        raise
