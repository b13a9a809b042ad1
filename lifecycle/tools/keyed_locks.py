"""Locks by a key, for threads that do one thing once or one after the other."""

import threading


class KeyedLocks:
    """Locks by a key; each exists from its first use on."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}

    def lock(self, key: str) -> threading.Lock:
        """Return the lock of a key."""
        # `setdefault` is atomic (Python FAQ, "What kinds of global value mutation are thread-safe?").
        return self._locks.setdefault(key, threading.Lock())
