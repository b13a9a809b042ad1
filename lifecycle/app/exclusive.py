"""Locks of the checkout and the cache, so that concurrent tasks do not lose each other's changes."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(checkout: Path, cache: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the locks of a checkout and of a cache folder; wait for another task that holds one of them.

    The locks are those of flock(2) and end with the process. All tasks take them in this order, so that no two wait for each other:
    one checkout may use several caches, and one cache may serve several checkouts. The cache folder is created.
    """
    cache.mkdir(parents=True, exist_ok=True)
    # A folder is locked by itself, since a lock file would be an untracked file of the checkout.
    with (
        _locked(os.open(checkout, os.O_RDONLY), checkout, say),
        _locked(os.open(cache / "lock", os.O_RDWR | os.O_CREAT, 0o644), cache, say),
    ):
        yield


@contextmanager
def _locked(handle: int, path: Path, say: Callable[[str], None]) -> Iterator[None]:
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another task uses {path}: waiting for it to end")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
