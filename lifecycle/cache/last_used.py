"""The times at which a build last needed an item: inputs by sha256, results by digest, images in the engine by name."""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from lifecycle.cache.cache import Cache, read_json

_RECORD = "used.json"


def note_used(cache: Cache, names: Iterable[str]) -> None:
    """Save that a build needs these items now. If that fails, they only look older than they are."""
    with suppress(OSError):
        write_used(cache, {**used(cache), **dict.fromkeys(names, int(time.time()))})


def used(cache: Cache) -> Mapping[str, int]:
    """Return when a build last needed each item, in seconds since 1970."""
    return {name: at for name, at in (read_json(cache.root / _RECORD) or {}).items() if isinstance(at, int)}


def write_used(cache: Cache, record: Mapping[str, int]) -> None:
    """Replace what `used` returns."""
    cache.write(cache.root / _RECORD, json.dumps(record))
