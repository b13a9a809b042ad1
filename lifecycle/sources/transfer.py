"""The transfer of one file from an address into a local file, resumed and retried on failure."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Protocol
from urllib.parse import unquote, urlsplit

import httpx2 as httpx

from lifecycle.tools.network.client import REQUEST_ERRORS, open_client
from lifecycle.tools.network.retries import (
    Attempts,
    RetryPolicy,
    answer_text,
    may_repeat_answered,
    may_repeat_failed,
    retry_after,
)

ATTEMPTS = 6

# Called with the number of bytes that the local file has now.
ReportSize = Callable[[int], None]
# Called with the number of seconds to wait before the next attempt.
Wait = Callable[[float], None]


class AddressNotFoundError(Exception):
    """An address without a file: HTTP 404 or 410, or a missing local file. The caller raises a user error for it."""


class TransferFailedError(Exception):
    """A transfer that failed for good, with the reason. The caller raises a user error for it."""


class _TransientError(Exception):
    """A failure that another attempt may overcome. `asked`: the seconds that the server asks to wait before it."""

    def __init__(self, reason: str, *, asked: float | None = None) -> None:
        super().__init__(reason)
        self.asked = asked


class Credentials(Protocol):
    """The credentials that a server expects with each request."""

    def headers(self, *, renew: bool) -> Mapping[str, str]:
        """Return the HTTP headers. `renew` asks for new ones, because the server rejects the old ones."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of a file on this machine or the network: `file:` with a path, or http(s)://, with `credentials` if needed."""

    uri: str
    credentials: Credentials | None = None


def new_client(connections: int) -> httpx.Client:
    """Return an HTTP client for at most `connections` transfers at a time; `transfer` makes its further attempts.

    The client asks for uncompressed responses, so that the bytes received are the bytes of the file.
    """
    return open_client(connections=connections, headers={"Accept-Encoding": "identity"}, policy=None)


def transfer(
    client: httpx.Client,
    address: Address,
    part: Path,
    *,
    size: int | None = None,
    report_size: ReportSize = lambda _: None,
    wait: Wait = time.sleep,
) -> None:
    """Download an address into the file `part`, which gets `size` bytes if that is known.

    If the size is known, an existing `part` counts as the beginning of the file and the download resumes after it. Raises
    AddressNotFoundError, TransferFailedError after the last attempt, and OSError if `part` cannot be written.
    """
    attempts = RetryPolicy(attempts=ATTEMPTS, wait=wait).start()
    job = _Transfer(client, address, part, size, report_size, attempts)
    while True:
        try:
            job.attempt()
        except _TransientError as error:
            if not attempts.again(f"{part.name}: {error}", asked=error.asked):
                raise TransferFailedError(str(error)) from error
        else:
            return


class _Transfer:
    """The state that one attempt leaves to the next: the bytes so far, the expected size and the ETag."""

    def __init__(
        self,
        client: httpx.Client,
        address: Address,
        part: Path,
        size: int | None,
        report_size: ReportSize,
        attempts: Attempts,
    ) -> None:
        self._client, self._address, self._part, self._report_size = client, address, part, report_size
        self._size, self._attempts = size, attempts
        self._etag = ""
        self._renewed = False
        if size is None:
            part.unlink(missing_ok=True)

    def attempt(self) -> None:
        """Make one attempt. Raises _TransientError if another one may succeed."""
        if self._address.uri.startswith("file:"):
            self._copy()
            return
        present = self._part.stat().st_size if self._part.exists() else 0
        if present == self._size:
            self._report_size(present)
            return
        try:
            with self._client.stream("GET", self._address.uri, headers=self._headers(present)) as response:
                self._check_status(response)
                self._receive(response, present)
        except REQUEST_ERRORS as error:
            reason = f"{type(error).__name__}: {error}"
            if isinstance(error, httpx.TransportError) and may_repeat_failed(error.request, error):
                raise _TransientError(reason) from error
            raise TransferFailedError(reason) from error
        obtained = self._part.stat().st_size
        if self._size is not None and obtained < self._size:
            raise _TransientError(f"the connection ended after {obtained} of {self._size} bytes")

    def _copy(self) -> None:
        with self._open_source() as source, self._part.open("wb") as out:
            copyfileobj(source, out)
        self._report_size(self._part.stat().st_size)

    def _open_source(self) -> IO[bytes]:
        try:
            return Path(unquote(urlsplit(self._address.uri).path)).open("rb")
        except FileNotFoundError as error:
            raise AddressNotFoundError from error
        except OSError as error:
            raise TransferFailedError(f"it cannot be read: {error.strerror}") from error

    def _headers(self, present: int) -> dict[str, str]:
        headers = dict(self._address.credentials.headers(renew=False)) if self._address.credentials else {}
        if self._size is not None and 0 < present < self._size:
            headers["Range"] = f"bytes={present}-"
            if self._etag:
                headers["If-Range"] = self._etag
        return headers

    def _receive(self, response: httpx.Response, present: int) -> None:
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        obtained = present if resumed else 0
        if self._size is None and "Content-Length" in response.headers:
            self._size, self._etag = int(response.headers["Content-Length"]), _strong_etag(response.headers.get("ETag"))
        self._report_size(obtained)
        with self._part.open("ab" if resumed else "wb") as out:
            for chunk in response.iter_raw():
                out.write(chunk)
                self._attempts.note_progress()
                obtained += len(chunk)
                self._report_size(obtained)

    def _check_status(self, response: httpx.Response) -> None:
        answer = f"the server answered {answer_text(response)}"
        if response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise AddressNotFoundError
        if response.status_code == httpx.codes.UNAUTHORIZED and self._address.credentials and not self._renewed:
            # The token may have expired. A new token that is rejected too is a lasting failure.
            self._renewed = True
            self._address.credentials.headers(renew=True)
            raise _TransientError(answer)
        if may_repeat_answered(response.request, response):
            raise _TransientError(answer, asked=retry_after(response))
        if response.is_error:
            raise TransferFailedError(answer)


def _strong_etag(etag: str | None) -> str:
    """Return a strong ETag, which guarantees identical bytes (RFC 9110, 8.8.1), or ""."""
    return "" if etag is None or etag.startswith("W/") else etag
