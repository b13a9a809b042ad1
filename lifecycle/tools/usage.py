"""When a build last needed what is kept: inputs by their sha256, results by their digest, images of the engine's by their name."""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from lifecycle.tools.store import Store, read_json

_RECORD = "used.json"


def note_used(store: Store, names: Iterable[str]) -> None:
    """Write down that a build needs these now. Where that cannot be written, they look older than they are; that is all."""
    with suppress(OSError):
        write_used(store, {**used(store), **dict.fromkeys(names, int(time.time()))})


def used(store: Store) -> Mapping[str, int]:
    """When a build last needed what, in seconds since 1970."""
    return {name: at for name, at in (read_json(store.root / _RECORD) or {}).items() if isinstance(at, int)}


def write_used(store: Store, record: Mapping[str, int]) -> None:
    """Replace what `used` returns."""
    store.write(store.root / _RECORD, json.dumps(record))
