import _thread
import signal
import threading
from concurrent.futures import Future

import pytest

from lifecycle.tools.threads import wait_for_some


def test_the_futures_that_have_ended_are_returned() -> None:
    ended, running = Future[int](), Future[int]()
    ended.set_result(1)

    assert wait_for_some({ended, running}) == {ended}


def test_nothing_is_waited_for_without_futures() -> None:
    assert wait_for_some(set[Future[int]]()) == set()


def test_a_signal_that_does_not_interrupt_the_wait_ends_it_nevertheless() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    # It marks the signal as arrived, as one does that arrives just before the wait.
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            wait_for_some({Future[int]()})
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
