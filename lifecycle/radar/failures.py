"""Failed compiles that the cache remembers by the digest of their inputs, so that the next run does not repeat them."""

from pydantic import BaseModel, ConfigDict, ValidationError

from lifecycle.cache.cache import Cache, read_json
from lifecycle.planning.targets import Target
from lifecycle.radar.model import Cause, Verdict

_FOLDER = "radar"


class Failure(BaseModel):
    """The verdict on the modules of a target, and its cause; `name` is that of the target."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    verdict: Verdict
    cause: Cause


def known_failure(cache: Cache, target: Target) -> Failure | None:
    """Return what is remembered of a target; None for nothing, or for a record of another version."""
    try:
        return Failure.model_validate(read_json(cache.root / _FOLDER / f"{target.digest}.json") or {})
    except ValidationError:
        return None


def remember_failure(cache: Cache, target: Target, verdict: Verdict, cause: Cause) -> None:
    """Save that a target cannot be made of its inputs."""
    failure = Failure(name=target.name, verdict=verdict, cause=cause)
    cache.write(cache.root / _FOLDER / f"{target.digest}.json", failure.model_dump_json(indent=1))
