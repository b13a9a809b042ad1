import concurrent.futures
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from lifecycle.errors import InstallerError
from lifecycle.tools.graph import DependencyFailedError, Job, run_graph

Errors = Mapping[str, InstallerError]


def job(makes: str, *needs: str, work: Callable[[], Errors] = dict, heavy: bool = False) -> Job:
    return Job(makes=tuple(makes.split()), needs=needs, work=work, heavy=heavy)


def run(*jobs: Job, workers: int = 4, heavy: int = 2) -> dict[str, InstallerError]:
    return run_graph(jobs, workers=workers, heavy=heavy, abort=lambda: None)


def failing(error: InstallerError) -> Callable[[], Errors]:
    def work() -> Errors:
        raise error

    return work


def test_a_job_runs_after_the_jobs_that_it_needs() -> None:
    order: list[str] = []

    def step(name: str, *needs: str) -> Job:
        return job(name, *needs, work=lambda: order.append(name) or {})  # type: ignore[func-returns-value]

    assert (
        run(step("image", "archive", "base"), step("archive", "modules"), step("modules", "base"), step("base")) == {}
    )
    assert order == ["base", "modules", "archive", "image"]


def test_a_need_that_no_job_makes_counts_as_made() -> None:
    assert run(job("image", "made last week")) == {}


def test_a_failure_skips_only_the_jobs_that_need_it() -> None:
    error = InstallerError("no")
    failed = run(job("a", work=failing(error)), job("b", "a"), job("c", "b"), job("d"))

    assert failed["a"] is error
    assert {key: type(e) for key, e in failed.items()} == {
        "a": InstallerError,
        "b": DependencyFailedError,
        "c": DependencyFailedError,
    }


def test_a_job_may_make_one_key_and_fail_at_another() -> None:
    error = InstallerError("the open ones do not compile")
    failed = run(job("closed open", work=lambda: {"open": error}), job("a", "closed"), job("b", "open"))

    assert set(failed) == {"open", "b"}


def test_no_more_heavy_jobs_run_at_a_time_than_allowed() -> None:
    running, most, lock = 0, 0, threading.Lock()
    two_at_a_time = threading.Barrier(2, timeout=10)

    def work() -> Errors:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        two_at_a_time.wait()
        with lock:
            running -= 1
        return {}

    assert run(*(job(name, work=work, heavy=True) for name in "abcd"), heavy=2) == {}
    assert most == 2


def test_light_jobs_run_at_the_same_time_as_heavy_ones() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> Errors:
        meeting.wait()
        return {}

    assert run(job("heavy", work=meet, heavy=True), job("light", work=meet), heavy=1) == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk")])
def test_any_other_exception_aborts_the_run_and_is_raised(error: BaseException) -> None:
    released = threading.Event()

    def fail() -> Errors:
        raise error

    def wait() -> Errors:
        assert released.wait(timeout=10)
        return {}

    with pytest.raises(type(error)):
        run_graph([job("a", work=wait), job("b", work=fail)], workers=2, heavy=1, abort=released.set)
    assert released.is_set()


def test_the_error_of_a_skipped_job_names_the_missing_need() -> None:
    failed = run(job("a", work=failing(InstallerError("no"))), job("b", "there already", "a"))

    assert isinstance(failed["b"], DependencyFailedError)
    assert failed["b"].needed == "a"


def test_a_job_waits_for_both_of_its_needs_and_fails_with_either() -> None:
    order: list[str] = []
    left_ended = threading.Event()

    def left() -> Errors:
        order.append("left")
        left_ended.set()
        return {}

    def right() -> Errors:
        assert left_ended.wait(timeout=10)
        order.append("right")
        raise InstallerError("no")

    def both() -> Errors:
        order.append("both")
        return {}

    failed = run(job("both", "left", "right", work=both), job("left", work=left), job("right", work=right))

    assert order == ["left", "right"]
    assert set(failed) == {"right", "both"}


def test_a_heavy_job_that_fails_lets_the_next_one_start() -> None:
    done: list[str] = []
    jobs = [
        job("a", work=failing(InstallerError("no")), heavy=True),
        job("b", work=lambda: done.append("b") or {}, heavy=True),  # type: ignore[func-returns-value]
    ]

    assert set(run(*jobs, heavy=1)) == {"a"}
    assert done == ["b"]


def test_the_other_keys_of_a_job_that_failed_at_one_are_usable() -> None:
    done: list[str] = []

    def use(name: str) -> Callable[[], Errors]:
        return lambda: done.append(name) or {}  # type: ignore[func-returns-value]

    makes_both = job("closed open", work=lambda: {"closed": InstallerError("no")})
    run(makes_both, job("a", "open", work=use("a")), job("b", "closed", work=use("b")))

    assert done == ["a"]


def test_no_waiting_job_starts_after_an_abort() -> None:
    started: list[str] = []
    aborted = threading.Event()

    def fail() -> Errors:
        raise KeyboardInterrupt

    def wait() -> Errors:
        assert aborted.wait(timeout=10)
        return {}

    def never() -> Errors:
        started.append("c")
        return {}

    jobs = [job("a", work=fail), job("b", work=wait), job("c", work=never)]
    with pytest.raises(KeyboardInterrupt):
        run_graph(jobs, workers=1, heavy=1, abort=aborted.set)
    assert started == []


def everything_is_submitted() -> bool:
    """Return whether the main thread waits for results."""
    frame = sys._current_frames()[threading.main_thread().ident or 0]
    while frame.f_back and frame.f_code is not concurrent.futures.wait.__code__:
        frame = frame.f_back
    return frame.f_code is concurrent.futures.wait.__code__


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Handle Ctrl-C as in the foreground: a process that a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_no_waiting_job_starts_after_ctrl_c() -> None:
    started: list[str] = []
    released = threading.Event()

    def interrupted() -> Errors:
        while not everything_is_submitted():
            os.sched_yield()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        assert released.wait(timeout=10)
        return {}

    def second() -> Errors:
        started.append("second")
        return {}

    with pytest.raises(KeyboardInterrupt):
        run_graph([job("a", work=interrupted), job("b", work=second)], workers=1, heavy=1, abort=released.set)
    assert started == []


def test_a_job_that_only_comes_after_another_runs_even_if_that_fails() -> None:
    order: list[str] = []
    later = Job(makes=("b",), needs=(), after=("a",), work=lambda: order.append("b") or {})  # type: ignore[func-returns-value]
    failed = run(later, job("a", work=lambda: order.append("a") or failing(InstallerError("no"))()))  # type: ignore[func-returns-value]

    assert (order, list(failed)) == (["a", "b"], ["a"])
