"""Downloads: in parallel, resumed or retried on failure, verified before they get their name."""

import errno
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from urllib.parse import unquote, urlsplit

import httpx

from lifecycle.errors import InstallerError
from lifecycle.model.lock import LockedFile
from lifecycle.tools.store import Store

ATTEMPTS = 6
CONNECTIONS = 8
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A file to have: what the lock says of it, and where it is to be had from here."""

    file: LockedFile
    uri: str


class GoneError(InstallerError):
    """A file that its archive no longer carries (HTTP 404 or 410)."""

    def __init__(self, file: LockedFile) -> None:
        super().__init__(
            f"the archive no longer carries {file.name} {file.version} ({file.origin})",
            resolution="Where its index still names the file, the archive is being updated: try again in a while.",
        )
        self.file = file


class DownloadError(InstallerError):
    """A download that failed for good."""

    def __init__(self, file: LockedFile, why: str) -> None:
        super().__init__(
            f"{file.name} {file.version} could not be downloaded ({file.origin})",
            details=f"  {why}",
            resolution="Run the command again: what has been downloaded is kept. If it persists, check the machine's apt set-up.",
        )


class WrongHashError(InstallerError):
    """A file that is not what the lock says it is."""

    def __init__(self, file: LockedFile, obtained: str) -> None:
        super().__init__(
            f"{file.name} {file.version} is not the file that versions.lock names: it was thrown away",
            details=f"  expected sha256 {file.sha256}\n  obtained sha256 {obtained}\n  from {file.origin}",
            resolution="If the archive replaced the file on purpose, run `invoke fetch --update` and review versions.lock.",
        )


class _TransientError(Exception):
    """Worth another attempt."""


Advance = Callable[[int], None]


def download_all(
    requests: Iterable[Request], store: Store, *, advance: Advance, wait: Callable[[float], None] = time.sleep
) -> None:
    """Bring every file into the store; `advance` is told the bytes as they come, `wait` the seconds before a retry.

    Raises the first GoneError, WrongHashError or DownloadError, after all others have ended.
    """
    limits = httpx.Limits(max_connections=CONNECTIONS)
    with (
        httpx.Client(follow_redirects=True, timeout=30, limits=limits) as client,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):
        jobs = [pool.submit(_download, client, request, store, advance, wait) for request in requests]
    for job in jobs:
        job.result()


def _download(
    client: httpx.Client, request: Request, store: Store, advance: Advance, wait: Callable[[float], None]
) -> None:
    part = store.part(request.file.sha256)
    counted = 0

    def reach(size: int) -> None:
        # A connection that is taken up again, or starts over, brings bytes that have been counted.
        nonlocal counted
        advance(max(size - counted, 0))
        counted = max(size, counted)

    why = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            wait(min(2.0**attempt / 4, 8))
        try:
            with _disk_errors(request.file):
                _transfer(client, request, part, reach)
            break
        except _TransientError as error:
            why = str(error)
    else:
        raise DownloadError(request.file, why)
    obtained = _sha256(part)
    if obtained != request.file.sha256:
        part.unlink()
        raise WrongHashError(request.file, obtained)
    store.keep_blob(part, request.file.sha256)


@contextmanager
def _disk_errors(file: LockedFile) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise DownloadError(file, f"it cannot be written to the cache: {error.strerror}") from error
        raise


def _transfer(client: httpx.Client, request: Request, part: Path, reach: Advance) -> None:
    """One attempt: go on from what is there, or start over where the server cannot. `reach` is told the size so far."""
    if request.uri.startswith("file:"):
        _copy_local(request, part)
        reach(request.file.size)
        return
    have = part.stat().st_size if part.exists() else 0
    if have == request.file.size:
        reach(have)
        return
    headers = {"Range": f"bytes={have}-"} if 0 < have < request.file.size else {}
    try:
        with client.stream("GET", request.uri, headers=headers) as response:
            _check(response, request.file)
            resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
            size = have if resumed else 0
            reach(size)
            with part.open("ab" if resumed else "wb") as out:
                for chunk in response.iter_raw():
                    out.write(chunk)
                    size += len(chunk)
                    reach(size)
    except httpx.RequestError as error:
        raise _TransientError(f"{type(error).__name__}: {error}") from error
    if part.stat().st_size < request.file.size:
        raise _TransientError(f"the connection ended after {part.stat().st_size} of {request.file.size} bytes")


def _check(response: httpx.Response, file: LockedFile) -> None:
    if response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise GoneError(file)
    if response.status_code in _TRANSIENT:
        raise _TransientError(f"the server answered {response.status_code} {response.reason_phrase}")
    if response.is_error:
        raise DownloadError(file, f"the server answered {response.status_code} {response.reason_phrase}")


def _copy_local(request: Request, part: Path) -> None:
    try:
        copyfile(unquote(urlsplit(request.uri).path), part)
    except FileNotFoundError as error:
        raise GoneError(request.file) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
