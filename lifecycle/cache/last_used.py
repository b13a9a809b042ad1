"""When a build last needed what is kept: inputs by their sha256, results by their digest, images of the engine's by their name."""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from lifecycle.cache.cache import Cache, read_json

_RECORD = "used.json"


def note_used(cache: Cache, names: Iterable[str]) -> None:
    """Write down that a build needs these now. Where that cannot be written, they look older than they are; that is all."""
    with suppress(OSError):
        write_used(cache, {**used(cache), **dict.fromkeys(names, int(time.time()))})


def used(cache: Cache) -> Mapping[str, int]:
    """When a build last needed what, in seconds since 1970."""
    return {name: at for name, at in (read_json(cache.root / _RECORD) or {}).items() if isinstance(at, int)}


def write_used(cache: Cache, record: Mapping[str, int]) -> None:
    """Replace what `used` returns."""
    cache.write(cache.root / _RECORD, json.dumps(record))
