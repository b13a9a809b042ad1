"""Threads: locks by a key, and waits for futures that a signal ends in any case."""

import threading
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

_T = TypeVar("_T")
# A signal that arrives just before the wait does not end it (Python documentation, "Execution of Python signal handlers").
_SECONDS = 1.0


class KeyedLocks:
    """Locks by a key; each exists from its first use on."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}

    def lock(self, key: str) -> threading.Lock:
        """Return the lock of a key."""
        # `setdefault` is atomic (Python FAQ, "What kinds of global value mutation are thread-safe?").
        return self._locks.setdefault(key, threading.Lock())


def wait_for_some(futures: Collection[Future[_T]]) -> set[Future[_T]]:
    """Return the futures that have ended, at least one of them. A signal handler runs within a second."""
    while True:
        ended = wait(futures, timeout=_SECONDS, return_when=FIRST_COMPLETED).done
        if ended or not futures:
            return ended
