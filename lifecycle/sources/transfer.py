"""One file from an address into a file here: taken up where it ended, tried again where that may help."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Protocol
from urllib.parse import unquote, urlsplit

import httpx

from lifecycle.tools.request_log import HOOKS

ATTEMPTS = 6
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 8.0

# Told the bytes that there are now.
Reach = Callable[[int], None]
# Told the seconds to wait before another attempt.
Wait = Callable[[float], None]


class NotThere(Exception):  # noqa: N818 - an answer, which the caller makes an error of
    """The address leads to nothing (HTTP 404 or 410; no such file)."""


class Refused(Exception):  # noqa: N818 - an answer, which the caller makes an error of
    """The transfer failed for good; says why."""


class _TransientError(Exception):
    """Worth another attempt."""


class Credentials(Protocol):
    """What a server wants to see with each request."""

    def headers(self, *, anew: bool) -> Mapping[str, str]:
        """The HTTP headers; `anew` where the server no longer takes those that were given before."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a file is to be had from here: http(s)://, or file: and a path; `credentials` where a server wants some."""

    uri: str
    credentials: Credentials | None = None


def new_client(connections: int) -> httpx.Client:
    """A client for transfers, at most so many at a time. What is downloaded is a file's own bytes: nothing may pack them."""
    return httpx.Client(
        follow_redirects=True,
        timeout=30,
        event_hooks=HOOKS,
        limits=httpx.Limits(max_connections=connections),
        headers={"Accept-Encoding": "identity"},
    )


def transfer(
    client: httpx.Client,
    address: Address,
    part: Path,
    *,
    size: int | None = None,
    reach: Reach = lambda _: None,
    wait: Wait = time.sleep,
) -> None:
    """Bring what is at an address into the file `part`, of `size` bytes if that is known.

    What `part` holds already is taken for its beginning if the size is known. Raises NotThere, Refused, OSError.
    """
    attempt = _Attempt(client, address, part, size, reach)
    why = ""
    for number in range(ATTEMPTS):
        if number:
            wait(min(2.0**number / 4, _LONGEST_WAIT))
        try:
            attempt.run()
        except _TransientError as error:
            why = str(error)
        else:
            return
    raise Refused(why)


class _Attempt:
    """What one attempt leaves to the next: the bytes, how many there will be, and what tells whether they are the same."""

    def __init__(self, client: httpx.Client, address: Address, part: Path, size: int | None, reach: Reach) -> None:
        self._client, self._address, self._part, self._reach = client, address, part, reach
        self._size = size
        self._validator = ""
        self._stale = False
        if size is None:
            part.unlink(missing_ok=True)

    def run(self) -> None:
        if self._address.uri.startswith("file:"):
            self._copy()
            return
        have = self._part.stat().st_size if self._part.exists() else 0
        if have == self._size:
            self._reach(have)
            return
        try:
            with self._client.stream("GET", self._address.uri, headers=self._headers(have)) as response:
                self._check(response)
                self._receive(response, have)
        except httpx.RequestError as error:
            raise _TransientError(f"{type(error).__name__}: {error}") from error
        obtained = self._part.stat().st_size
        if self._size is not None and obtained < self._size:
            raise _TransientError(f"the connection ended after {obtained} of {self._size} bytes")

    def _copy(self) -> None:
        try:
            copyfile(unquote(urlsplit(self._address.uri).path), self._part)
        except FileNotFoundError as error:
            raise NotThere from error
        self._reach(self._part.stat().st_size)

    def _headers(self, have: int) -> dict[str, str]:
        headers = dict(self._address.credentials.headers(anew=False)) if self._address.credentials else {}
        if self._size is not None and 0 < have < self._size:
            headers["Range"] = f"bytes={have}-"
            if self._validator:
                headers["If-Range"] = self._validator
        return headers

    def _receive(self, response: httpx.Response, have: int) -> None:
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        reached = have if resumed else 0
        if self._size is None and "Content-Length" in response.headers:
            self._size, self._validator = int(response.headers["Content-Length"]), _strong(response.headers.get("ETag"))
        self._reach(reached)
        with self._part.open("ab" if resumed else "wb") as out:
            for chunk in response.iter_raw():
                out.write(chunk)
                reached += len(chunk)
                self._reach(reached)

    def _check(self, response: httpx.Response) -> None:
        answer = f"the server answered {response.status_code} {response.reason_phrase}"
        if response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
            raise NotThere
        if response.status_code == httpx.codes.UNAUTHORIZED and self._address.credentials and not self._stale:
            # A token that has expired meanwhile; a second one that is refused is another matter.
            self._stale = True
            self._address.credentials.headers(anew=True)
            raise _TransientError(answer)
        if response.status_code in _TRANSIENT:
            raise _TransientError(answer)
        if response.is_error:
            raise Refused(answer)


def _strong(etag: str | None) -> str:
    """An ETag that vouches for each byte (RFC 9110, 8.8.1), or nothing."""
    return "" if etag is None or etag.startswith("W/") else etag
