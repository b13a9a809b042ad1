"""The results of rehearsals, for `invoke promote`: one file for each target, by the digest of its inputs."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lifecycle.cache.cache import Cache

# The section of the cache.
REHEARSED = "rehearsed"


class Rehearsed(BaseModel):
    """The result of the last rehearsal of a target: the worst verdict of its groups, and their nodes.

    `booted` is true if a kernel was booted with it and took the new driver and the old one, None if none was booted.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    combination: str
    inputs: str
    verdict: str
    reasons: tuple[str, ...]
    nodes: int
    groups: int
    booted: bool | None = None
    recorded_at: datetime


def note_rehearsal(cache: Cache, rehearsed: Rehearsed) -> None:
    """Save the result of a rehearsal; it replaces an older one of the same target."""
    cache.write(_file(cache, rehearsed.inputs), rehearsed.model_dump_json(indent=1))


def read_rehearsal(cache: Cache, inputs: str) -> Rehearsed | None:
    """Return the last rehearsal of a target by the digest of its inputs; None if there is none, or it is damaged."""
    with suppress(OSError, ValidationError):
        return Rehearsed.model_validate_json(_file(cache, inputs).read_bytes())
    return None


def _file(cache: Cache, inputs: str) -> Path:
    return cache.root / REHEARSED / f"{inputs}.json"
