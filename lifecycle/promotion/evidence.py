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
from lifecycle.radar.model import RadarResult, Verdict
from lifecycle.radar.pages import FOLDER, read_result
from lifecycle.tools.engine.engine import LocalImage

# The verdict on the worst module type of a driver counts.
_WORSE = (Verdict.FITS, Verdict.PATCHED, Verdict.UNKNOWN, Verdict.NOT_JUDGED, Verdict.BREAKS, Verdict.UNFIT)


@dataclass(frozen=True, kw_only=True)
class CanaryEvidence:
    """The evidence about one combination.

    `built` and `pushed` are None if the engine or the registry does not answer. `rehearsed` is the last verdict, `radar` that of
    the last `invoke radar` of the checkout, "" for none. `days` are those since an image first booted its kernel, None if none has.
    """

    combination: str
    built: bool | None
    tested: bool
    booted: bool
    pushed: bool | None
    rehearsed: str
    radar: str
    days: int | None


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
    first, radar = first_boots(cache), radar_verdicts(read_result(session.root / FOLDER))
    now = datetime.now(UTC)
    return [_evidence(cache, c, targets, images, published, first.get(c.kernel), radar, now) for c in combinations]


def _evidence(
    cache: Cache,
    c: Combination,
    targets: Targets,
    images: Mapping[str, LocalImage] | None,
    published: Mapping[Combination, PublishedImage | None] | None,
    first: datetime | None,
    radar: Mapping[tuple[str, str], Verdict],
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


def radar_verdicts(result: RadarResult | None) -> dict[tuple[str, str], Verdict]:
    """Return the verdicts of a radar run by kernel release and driver version; none without a run."""
    found: dict[tuple[str, str], Verdict] = {}
    for kernel in result.kernels if result else ():
        for modules in kernel.modules:
            key = (kernel.kernel, modules.driver)
            found[key] = max(found.get(key, Verdict.FITS), modules.verdict, key=_WORSE.index)
    return found


def has_radar(evidence: Iterable[CanaryEvidence]) -> bool:
    """Return whether there is a verdict of `invoke radar` about any combination."""
    return any(entry.radar for entry in evidence)
