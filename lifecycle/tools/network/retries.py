"""The one policy of attempts at something on the network: when another attempt is made, and how long it is waited for.

A request that may have been done is repeated only if a repetition does no harm: its method is idempotent (RFC 9110, 9.2.2), or its
sender says so with the extension REPEATABLE (False: it is not repeated at all). A server that refuses a request for now (429; or
403 and 503 with Retry-After) has not done it, and a connection that was not made has not carried it.
"""

import email.utils
import logging
import random
import re
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx2 as httpx

REPEATABLE = "repeatable"
# Statuses after which the same request may succeed (RFC 9110, 15.5 and 15.6; RFC 8470 for 425; RFC 6585 for 429).
TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504})
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
# The request has not been sent: there was no connection, or none of the pool was free.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOST = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)
# Seconds after which a person wants to know what is waited for.
_LONG = 10.0
_SECONDS = re.compile(r"\d+(\.\d+)?")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """The limits of attempts, in seconds.

    Before each further attempt the pause doubles, from `first` to `longest`; a random part of up to half of it is left out, so that
    machines that failed together do not return together. No attempt begins later than `patience` after the first one, or after the
    last progress; a server that asks for more is not waited for. `say` is told of each pause, or `warn` if the pause or the attempt
    before it is long, and `wait` sleeps; `clock` is monotonic; `chance` is of [0, 1).
    """

    attempts: int = 4
    first: float = 0.5
    longest: float = 8.0
    patience: float = 90.0
    say: Callable[[str], None] = _log.debug
    warn: Callable[[str], None] = _log.warning
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def start(self) -> "Attempts":
        """Return the attempts at one thing; the first one is under way."""
        return Attempts(self)


REQUESTS = RetryPolicy()


class Attempts:
    """The attempts at one thing under a policy."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._made = 1
        self._since = self._begun = policy.clock()

    def note_progress(self) -> None:
        """Note that the current attempt gets something: the patience begins again."""
        self._since = self._policy.clock()

    def again(self, why: str, *, asked: float | None = None) -> bool:
        """Wait before another attempt. Return False at once if there is none to make.

        `why` is the failure, for people; `asked` is the number of seconds that a server asks to wait.
        """
        policy = self._policy
        pause = min(policy.first * 2.0 ** (self._made - 1), policy.longest) * (1 - policy.chance() / 2)
        pause = max(pause, asked or 0.0)
        if self._made >= policy.attempts or policy.clock() - self._since + pause > policy.patience:
            return False
        self._made += 1
        tell = policy.warn if max(pause, policy.clock() - self._begun) >= _LONG else policy.say
        tell(f"{why}: trying again in {pause:.1f} s")
        policy.wait(pause)
        self._begun = policy.clock()
        return True


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that a response asks to wait, as a number or until a date (RFC 9110, 10.2.3); None if it does not."""
    text = response.headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _date(text)
    if until is None:
        return None
    # By the server's clock, if it says what time it is there.
    now = _date(response.headers.get("Date", "")) or datetime.now(UTC)
    return max((until - now).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def may_repeat_failed(request: httpx.Request, error: httpx.TransportError) -> bool:
    """Return whether a request that got no response may be sent again, and may get one then."""
    if request.extensions.get(REPEATABLE) is False or any(_is_lasting(cause) for cause in causes(error)):
        return False
    if isinstance(error, httpx.ProxyError):
        # The proxy made no tunnel; its text begins with the status of its answer.
        return any(str(error).startswith(f"{status} ") for status in TEMPORARY)
    return isinstance(error, _NOT_SENT) or (isinstance(error, _LOST) and _is_repeatable(request))


def may_repeat_answered(request: httpx.Request, response: httpx.Response) -> bool:
    """Return whether a request with a response may be sent again, and may get a better one then."""
    status, asked = response.status_code, retry_after(response) is not None
    if request.extensions.get(REPEATABLE) is False:
        return False
    if status == httpx.codes.TOO_MANY_REQUESTS or (
        asked and status in (httpx.codes.FORBIDDEN, httpx.codes.SERVICE_UNAVAILABLE)
    ):
        return True
    return status in TEMPORARY and _is_repeatable(request)


def _is_repeatable(request: httpx.Request) -> bool:
    return request.method in _IDEMPOTENT or bool(request.extensions.get(REPEATABLE))


def _is_lasting(error: BaseException) -> bool:
    """Return whether an error comes again: no TLS at the other end, or none that is trusted."""
    ended = isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
    return isinstance(error, ssl.SSLError) and not ended


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and the errors that led to it."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def answer_text(response: httpx.Response) -> str:
    """Return the status of a response, and how long it asks to wait: `429 Too Many Requests, to be tried again in 60 s`."""
    asked = retry_after(response)
    again = "" if asked is None else f", to be tried again in {asked:.0f} s"
    return f"{response.status_code} {response.reason_phrase}{again}"
