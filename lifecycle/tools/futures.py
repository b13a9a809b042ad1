"""Waits for futures that a signal ends in any case."""

from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

_T = TypeVar("_T")
# A signal that arrives just before the wait does not end it (Python documentation, "Execution of Python signal handlers").
_SECONDS = 1.0


def wait_for_some(futures: Collection[Future[_T]]) -> set[Future[_T]]:
    """Return the futures that have ended, at least one of them. A signal handler runs within a second."""
    while True:
        ended = wait(futures, timeout=_SECONDS, return_when=FIRST_COMPLETED).done
        if ended or not futures:
            return ended
