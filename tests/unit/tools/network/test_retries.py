import logging
import ssl
from dataclasses import dataclass, field

import httpx2 as httpx
import pytest

from lifecycle.tools.network.retries import (
    REPEATABLE,
    RetryPolicy,
    answer_text,
    may_repeat_answered,
    may_repeat_failed,
    retry_after,
)

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
EARLIER = "Wed, 21 Oct 2026 07:27:30 GMT"


@dataclass
class Clock:
    """A clock that only waits move."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def policy(self, *, attempts: int = 6, chance: float = 0.0) -> RetryPolicy:
        return RetryPolicy(attempts=attempts, wait=self.wait, clock=lambda: self.now, chance=lambda: chance)


def test_pauses_double_up_to_the_longest() -> None:
    clock = Clock()
    attempts = clock.policy(attempts=8).start()

    assert [attempts.again("x") for _ in range(8)] == [True] * 7 + [False]
    assert clock.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_chance_leaves_out_up_to_half_of_a_pause() -> None:
    clock = Clock()
    attempts = clock.policy(chance=0.999999).start()
    attempts.again("x")
    attempts.again("x")

    assert clock.waits == pytest.approx([0.25, 0.5], abs=0.001)


def test_a_server_that_asks_for_more_is_waited_for() -> None:
    clock = Clock()
    attempts = clock.policy(chance=0.5).start()

    assert attempts.again("x", asked=30)
    assert clock.waits == [30]


def test_a_server_that_asks_for_less_gets_the_usual_pause() -> None:
    clock = Clock()
    clock.policy().start().again("x", asked=0)

    assert clock.waits == [0.5]


def test_a_server_that_asks_for_too_much_is_not_waited_for() -> None:
    clock = Clock()

    assert not clock.policy().start().again("x", asked=3600)
    assert clock.waits == []


def test_no_attempt_begins_after_the_patience_has_ended() -> None:
    clock = Clock()
    attempts = clock.policy(attempts=1000).start()
    while attempts.again("x"):
        clock.now += 30

    assert clock.now < 90 + 30 + 8


def test_progress_begins_the_patience_again() -> None:
    clock = Clock()
    attempts = clock.policy().start()
    clock.now = 1000
    attempts.note_progress()

    assert attempts.again("x")


def test_a_pause_is_told_before_it_is_waited() -> None:
    said: list[str] = []
    policy = RetryPolicy(say=said.append, wait=lambda _: said.append("wait"), chance=lambda: 0)
    policy.start().again("429 Too Many Requests")

    assert said == ["429 Too Many Requests: trying again in 0.5 s", "wait"]


@pytest.mark.parametrize(("passed", "asked", "warned"), [(0, None, 0), (0, 20, 1), (30, None, 1), (9, None, 0)])
def test_a_person_is_told_of_a_long_wait_only(passed: float, asked: float | None, warned: int) -> None:
    clock, told = Clock(), list[str]()
    attempts = RetryPolicy(warn=told.append, wait=clock.wait, clock=lambda: clock.now).start()
    clock.now += passed
    attempts.again("no answer within 30 s", asked=asked)

    assert len(told) == warned


def test_a_long_wait_is_told_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    attempts = RetryPolicy(wait=clock.wait, clock=lambda: clock.now, chance=lambda: 0).start()
    clock.now += 30
    with_handlers = logging.getLogger().handlers[:]
    logging.getLogger().handlers.clear()
    attempts.again("GET registry.example.org: no answer within 30 s")
    logging.getLogger().handlers.extend(with_handlers)

    assert capfd.readouterr().err == "GET registry.example.org: no answer within 30 s: trying again in 0.5 s\n"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 1.5 "}, 1.5),
        ({"Retry-After": DATE, "Date": EARLIER}, 30),
        ({"Retry-After": EARLIER, "Date": DATE}, 0),
        ({"Retry-After": "Wednesday, 21-Oct-26 07:28:00 GMT", "Date": EARLIER}, 30),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"}, None),
        ({"Retry-After": "Wed, 99 Oct 2026 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(httpx.Response(429, headers=headers)) == seconds


def test_a_date_counts_from_now_where_the_server_has_no_clock() -> None:
    asked = retry_after(httpx.Response(429, headers={"Retry-After": "Fri, 01 Jan 2100 00:00:00 GMT"}))

    assert asked is not None
    assert asked > 3600


def request(method: str, **extensions: object) -> httpx.Request:
    return httpx.Request(method, "https://example.org", extensions=extensions)


@pytest.mark.parametrize(
    ("method", "error", "again"),
    [
        ("GET", httpx.ReadError("reset"), True),
        ("GET", httpx.ReadTimeout("late"), True),
        ("GET", httpx.RemoteProtocolError("gone"), True),
        ("PUT", httpx.WriteError("reset"), True),
        ("DELETE", httpx.ReadError("reset"), True),
        ("POST", httpx.ReadError("reset"), False),
        ("POST", httpx.WriteError("reset"), False),
        ("POST", httpx.ReadTimeout("late"), False),
        ("POST", httpx.RemoteProtocolError("gone"), False),
        ("PATCH", httpx.ReadError("reset"), False),
        ("POST", httpx.ConnectError("refused"), True),
        ("POST", httpx.ConnectTimeout("late"), True),
        ("GET", httpx.UnsupportedProtocol("ftp"), False),
        ("GET", httpx.LocalProtocolError("a header"), False),
        ("GET", httpx.ProxyError("403 Forbidden"), False),
        ("POST", httpx.ProxyError("503 Service Unavailable (through the proxy x)"), True),
    ],
)
def test_a_request_that_may_have_been_done_is_repeated_if_harmless(
    method: str, error: httpx.TransportError, again: bool
) -> None:
    assert may_repeat_failed(request(method), error) is again


def test_a_sender_may_call_a_request_repeatable() -> None:
    lost = httpx.ReadError("reset")

    assert may_repeat_failed(request("POST", **{REPEATABLE: True}), lost)
    assert not may_repeat_failed(request("GET", **{REPEATABLE: False}), lost)
    assert not may_repeat_answered(request("GET", **{REPEATABLE: False}), httpx.Response(503))


@pytest.mark.parametrize(
    ("cause", "again"),
    [
        (ssl.SSLCertVerificationError("self-signed certificate"), False),
        (ssl.SSLError("WRONG_VERSION_NUMBER"), False),
        (ssl.SSLEOFError("EOF occurred in violation of protocol"), True),
    ],
)
def test_an_untrusted_server_is_not_asked_again(cause: ssl.SSLError, again: bool) -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = cause

    assert may_repeat_failed(request("GET"), error) is again


@pytest.mark.parametrize(
    ("method", "status", "asked", "again"),
    [
        *(("GET", status, "", True) for status in (408, 425, 429, 500, 502, 503, 504)),
        *(("GET", status, "", False) for status in (200, 206, 301, 400, 401, 403, 404, 409, 501)),
        ("POST", 429, "", True),
        ("POST", 503, "1", True),
        ("POST", 403, "1", True),
        ("POST", 503, "", False),
        ("POST", 500, "1", False),
        ("POST", 502, "", False),
        ("POST", 503, "soon", False),
        ("GET", 404, "1", False),
    ],
)
def test_an_answer_says_whether_the_request_may_be_repeated(method: str, status: int, asked: str, again: bool) -> None:
    headers = {"Retry-After": asked} if asked else {}

    assert may_repeat_answered(request(method), httpx.Response(status, headers=headers)) is again


def test_the_text_of_an_answer_tells_how_long_it_asks_to_wait() -> None:
    assert answer_text(httpx.Response(503)) == "503 Service Unavailable"
    assert (
        answer_text(httpx.Response(429, headers={"Retry-After": "3600"}))
        == "429 Too Many Requests, to be tried again in 3600 s"
    )
