"""Downloads into the cache: in parallel, resumed or retried on failure, and verified before they are kept."""

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

import httpx2 as httpx

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.file_content import find_foreign_content
from lifecycle.sources.transfer import Address, AddressNotFoundError, TransferFailedError, Wait, new_client, transfer
from lifecycle.tools.digest import sha256_of

CONNECTIONS = 8
_FORBIDDEN = "the server answered 403"


class FileIdentity(Protocol):
    """The identity of a file in an error message."""

    @property
    def name(self) -> str:
        """Its name in versions.lock."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def origin(self) -> str:
        """Its origin, as versions.lock writes it."""


@dataclass(frozen=True, kw_only=True)
class DownloadRequest:
    """A locked file to download, and its address as seen from this machine."""

    file: LockedFile
    address: Address


@dataclass(frozen=True, kw_only=True)
class NewFile:
    """A file that is not locked yet: its future entry in versions.lock, and its address as seen from this machine.

    `verify` checks the downloaded file and returns the mismatch it finds, or "".
    """

    name: str
    version: str
    origin: str
    address: Address
    verify: Callable[[Path], str] = lambda _: ""


class FileGoneError(InstallerError):
    """A locked file that its source no longer has (HTTP 404 or 410)."""

    def __init__(self, file: LockedFile) -> None:
        super().__init__(
            f"the archive no longer carries {file.name} {file.version} ({file.origin})",
            resolution="If its index still lists the file, the archive is being updated: try again in a few minutes.",
        )
        self.file = file


class SourceFileNotFoundError(UsageError):
    """A declared file that its source does not have."""

    def __init__(self, file: FileIdentity) -> None:
        super().__init__(
            f"there is no {file.name} {file.version} at {file.origin}: "
            "name an available version, or correct its source in component.yaml"
        )
        self.origin = file.origin


class DownloadError(InstallerError):
    """A download that failed for good."""

    doctor_checks = "the proxies, the certificates and the sources"

    def __init__(self, file: FileIdentity, reason: str) -> None:
        super().__init__(
            f"{file.name} {file.version} could not be downloaded ({file.origin})",
            details=f"  {reason}",
            resolution="Run the command again; it continues where it stopped. If it fails again, check the source.",
        )
        self.origin = file.origin


class BusyServerError(DownloadError):
    """A download of a locked file that a server refused for now (429, 503), or failed at for now (502)."""

    def __init__(self, file: LockedFile, reason: str) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason


class ForbiddenError(DownloadError):
    """A download that its server refused with 403, as some servers do for a file that they do not have."""


class WrongContentError(InstallerError):
    """A new file that is not what its name says; `content` names what it is ("a web page")."""

    def __init__(self, file: FileIdentity, content: str) -> None:
        name = file.origin.rpartition("/")[2]
        super().__init__(
            f"the file that came as {name} is {content}: it was deleted",
            details=f"  from {file.origin}",
            resolution="A proxy or a login page may have answered in its place: check HTTPS_PROXY and open the address in a "
            "browser. Or download the file elsewhere, and name its path in component.yaml.",
        )


class HashMismatchError(InstallerError):
    """A downloaded file with another sha256 than versions.lock has."""

    def __init__(self, file: LockedFile, obtained: str) -> None:
        super().__init__(
            f"{file.name} {file.version} is not the file that versions.lock names: it was deleted",
            details=f"  expected sha256 {file.sha256}\n  obtained sha256 {obtained}\n  from {file.origin}",
            resolution="If the archive replaced the file on purpose, run `invoke fetch --update` and review versions.lock.",
        )


class CorruptDownloadError(InstallerError):
    """A new file that does not match the checksum of its source."""

    def __init__(self, file: NewFile, mismatch: str) -> None:
        super().__init__(
            f"{file.name} {file.version} does not match the checksum of its source: it was deleted",
            details=f"  {mismatch}\n  from {file.origin}",
            resolution="Run the command again. If it fails again, the file at the source is damaged.",
        )


Advance = Callable[[int], None]


def download_all(
    requests: Iterable[DownloadRequest], cache: Cache, *, advance: Advance, wait: Wait = time.sleep
) -> None:
    """Download files into the cache. `advance` gets the number of new bytes, `wait` the seconds before a retry.

    Raises the first FileGoneError, HashMismatchError or DownloadError after all started downloads have ended. After a
    DownloadError no further download starts: without a network, each of hundreds would make all its attempts.
    """
    stop = threading.Event()

    def download(request: DownloadRequest) -> None:
        if not stop.is_set():
            try:
                _download(client, request, cache, advance, wait)
            except DownloadError:
                stop.set()
                raise

    with new_client(CONNECTIONS) as client, ThreadPoolExecutor(CONNECTIONS) as pool:
        jobs = [pool.submit(download, request) for request in requests]
    for job in jobs:
        job.result()


def _download(client: httpx.Client, request: DownloadRequest, cache: Cache, advance: Advance, wait: Wait) -> None:
    file, part = request.file, cache.part(request.file.sha256)
    counted = 0

    def report_size(size: int) -> None:
        # A resumed or restarted connection brings bytes that are already counted.
        nonlocal counted
        advance(max(size - counted, 0))
        counted = max(size, counted)

    try:
        with _failures(file):
            transfer(client, request.address, part, size=file.size, report_size=report_size, wait=wait)
    except AddressNotFoundError as error:
        raise FileGoneError(file) from error
    obtained = sha256_of(part)
    if obtained != file.sha256:
        part.unlink()
        raise HashMismatchError(file, obtained)
    cache.keep_blob(part, file.sha256)


def download_new(file: NewFile, cache: Cache, *, wait: Wait = time.sleep) -> LockedFile:
    """Download a file of unknown size and sha256 into the cache, and return its entry for versions.lock.

    Raises SourceFileNotFoundError, WrongContentError, CorruptDownloadError, DownloadError, ForbiddenError.
    """
    part = cache.part(hashlib.sha256(file.origin.encode()).hexdigest())
    try:
        with new_client(1) as client, _failures(file):
            transfer(client, file.address, part, wait=wait)
    except AddressNotFoundError as error:
        raise SourceFileNotFoundError(file) from error
    foreign = find_foreign_content(part, file.origin.rpartition("/")[2])
    if foreign:
        part.unlink()
        raise WrongContentError(file, foreign)
    try:
        mismatch = file.verify(part)
    except InstallerError:
        part.unlink()
        raise
    if mismatch:
        part.unlink()
        raise CorruptDownloadError(file, mismatch)
    sha256, size = sha256_of(part), part.stat().st_size
    cache.keep_blob(part, sha256)
    return LockedFile(name=file.name, version=file.version, origin=file.origin, size=size, sha256=sha256)


@contextmanager
def _failures(file: FileIdentity) -> Iterator[None]:
    """Turn a failed transfer, or a cache that cannot be written, into a DownloadError."""
    try:
        yield
    except TransferFailedError as error:
        kind = ForbiddenError if _FORBIDDEN in str(error) else DownloadError
        raise kind(file, str(error)) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise DownloadError(file, f"it cannot be written to the cache: {error.strerror}") from error
        raise
