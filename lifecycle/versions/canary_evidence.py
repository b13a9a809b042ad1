"""The evidence about the images of a canary: what this machine's cache, its engine and the registry have of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from lifecycle.app.optional import answer_or_warning
from lifecycle.app.session import Session
from lifecycle.cache.cache import BOOTED, Cache
from lifecycle.cache.evidence import read_evidence
from lifecycle.cache.rehearsals import read_rehearsal
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.publish.published import PublishedImage, published_images
from lifecycle.tools.engine.engine import LocalImage

_RADAR = "radar.json"


@dataclass(frozen=True, kw_only=True)
class CanaryEvidence:
    """The evidence about one combination.

    `built` and `pushed` are None if the engine or the registry does not answer. `rehearsed` is the last verdict, `radar` that of
    `invoke radar`, "" for none. `days` are those since an image first booted its kernel, None if none has.
    """

    combination: str
    built: bool | None
    tested: bool
    booted: bool
    pushed: bool | None
    rehearsed: str
    radar: str
    days: int | None


class _RadarVerdict(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    kernel: str
    driver: str
    verdict: str


class _Radar(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    verdicts: tuple[_RadarVerdict, ...]


class _Boot(BaseModel):
    """The part of a boot proof that tells which kernel booted, and when."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)

    kernel_release: str
    recorded_at: datetime


def gather_canary_evidence(session: Session, combinations: Sequence[Combination]) -> list[CanaryEvidence]:
    """Return the evidence about combinations. An engine or a registry that does not answer causes a warning."""
    targets, cache = Targets(session.locked_project), session.cache
    images = answer_or_warning(session.progress, lambda: session.state().images)
    published = answer_or_warning(
        session.progress, lambda: published_images(session.locked_project, combinations, session.environ)
    )
    first, radar = first_boots(cache), read_radar(cache)
    now = datetime.now(UTC)
    return [_evidence(cache, c, targets, images, published, first.get(c.kernel), radar, now) for c in combinations]


def _evidence(
    cache: Cache,
    c: Combination,
    targets: Targets,
    images: Mapping[str, LocalImage] | None,
    published: Mapping[Combination, PublishedImage | None] | None,
    first: datetime | None,
    radar: Mapping[tuple[str, str], str],
    now: datetime,
) -> CanaryEvidence:
    inputs = targets.image(c).digest
    image = images.get(inputs) if images else None
    rehearsed = read_rehearsal(cache, inputs)
    return CanaryEvidence(
        combination=c.id,
        built=None if images is None else image is not None,
        tested=image is not None and cache.is_tested(image.id),
        booted=image is not None and read_evidence(cache, BOOTED, image.id) is not None,
        pushed=None if published is None else published.get(c) is not None,
        rehearsed=rehearsed.verdict if rehearsed else "",
        radar=radar.get((c.kernel, c.driver), ""),
        days=(now - first).days if first else None,
    )


def first_boots(cache: Cache) -> dict[str, datetime]:
    """Return the time of the first boot proof of each kernel release, by all images that the cache has proofs of."""
    found: dict[str, datetime] = {}
    for boot in _boots(cache):
        at = boot.recorded_at if boot.recorded_at.tzinfo else boot.recorded_at.replace(tzinfo=UTC)
        found[boot.kernel_release] = min(at, found.get(boot.kernel_release, at))
    return found


def _boots(cache: Cache) -> Iterator[_Boot]:
    for path in sorted((cache.root / BOOTED).glob("*.json")):
        with suppress(OSError, ValidationError):
            yield _Boot.model_validate_json(path.read_bytes())


def read_radar(cache: Cache) -> dict[tuple[str, str], str]:
    """Return the verdicts of `invoke radar` by kernel release and driver version; none without its file, or if that is damaged."""
    try:
        read = _Radar.model_validate_json((cache.root / _RADAR).read_bytes())
    except (OSError, ValidationError):
        return {}
    return {(entry.kernel, entry.driver): entry.verdict for entry in read.verdicts}


def has_radar(evidence: Iterable[CanaryEvidence]) -> bool:
    """Return whether there is a verdict of `invoke radar` about any combination."""
    return any(entry.radar for entry in evidence)
