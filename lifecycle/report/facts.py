"""The facts of a report: everything that the page shows, read once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lifecycle.advisories.command import Assessment, assess_drivers
from lifecycle.app.optional import answer_or_warning
from lifecycle.app.session import Session
from lifecycle.cache.last_build import read_last_build
from lifecycle.commands.verify import Proof, prove
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import matches, select
from lifecycle.publish.published import PublishedImage
from lifecycle.radar.model import RadarResult
from lifecycle.radar.pages import FOLDER, read_result
from lifecycle.release.status import Status, read_status
from lifecycle.report.changes import Changes, read_changes
from lifecycle.report.contents import Contents, Sources, read_contents
from lifecycle.report.fleet import Fleet, read_fleet
from lifecycle.report.inputs import InputGroup, input_groups
from lifecycle.report.picture import Picture, picture_of
from lifecycle.report.support import SUPPORTED, EndOfLife, ends_of_life
from lifecycle.report.timeline import Timeline, timeline_of
from lifecycle.tools.engine.engine import LocalImage


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """The parts of a report that a person asked for: `only` selects combinations, `nodes` is a file, "" for none.

    `offline` asks no server. `prove` proves the symbols of all modules, which takes seconds for each image.
    """

    only: str = ""
    nodes: str = ""
    offline: bool = False
    prove: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """The facts of a report. `engine` is false if the container engine did not answer; `warnings` were shown while reading.

    `radar` is what `invoke radar` has left in its usual folder, None for nothing.
    """

    name: str
    version: str
    created: datetime
    request: ReportRequest
    engine: bool
    picture: Picture
    contents: tuple[Contents, ...]
    excluded: tuple[Combination, ...]
    inputs: tuple[InputGroup, ...]
    timeline: Timeline | None
    changes: Changes
    ends: tuple[EndOfLife, ...]
    advisories: Assessment | None
    fleet: Fleet | None
    radar: RadarResult | None
    warnings: tuple[str, ...]


def read_report(session: Session, request: ReportRequest) -> Report:
    """Return the facts. A server or engine that does not answer causes a warning, and unknown answers.

    Raises NothingSelectedError, BadNodesError, NoGpuNodesError, NotLockedError, ConfigurationError.
    """
    created, project = datetime.now(UTC), session.locked_project
    chosen = select(project.matrix, request.only)
    excluded = _excluded(project.matrix.excluded, request.only)
    fleet = read_fleet(session, request.nodes) if request.nodes else None
    progress = session.progress
    for warning in project.matrix.warnings:
        progress.warn(warning)
    ends = ends_of_life(session, created.date())
    for one in ends:
        if one.state != SUPPORTED:
            progress.warn(f"{one.subject}: its support {one.state} on {one.end.isoformat()}")
    images = answer_or_warning(progress, lambda: session.state().images)
    status = read_status(session, chosen, images or {}, offline=request.offline)
    contents = _contents(session, chosen, images or {}, status, request)
    build = read_last_build(session.cache)
    booted = {one.combination.id: one.evidence.boot is not None for one in contents}
    rows = {row.combination: row for row in status.rows}
    return Report(
        name=session.project.component.short_name,
        version=session.project.component.version,
        created=created,
        request=request,
        engine=images is not None,
        picture=picture_of(chosen, excluded, rows, booted, engine=images is not None),
        contents=tuple(contents),
        excluded=excluded,
        inputs=tuple(input_groups(project, chosen)),
        timeline=timeline_of(build) if build else None,
        changes=read_changes(session),
        ends=tuple(ends),
        advisories=_advisories(session, request),
        fleet=fleet,
        radar=read_result(session.root / FOLDER),
        warnings=tuple(progress.warnings),
    )


def _advisories(session: Session, request: ReportRequest) -> Assessment | None:
    """Return what the bulletins say of the drivers; None offline, and without `advisories` in component.yaml."""
    if request.offline or session.project.component.advisories is None:
        return None
    return answer_or_warning(session.progress, lambda: assess_drivers(session))


def _excluded(excluded: Sequence[Combination], only: str) -> tuple[Combination, ...]:
    selectors = [selector.strip() for selector in only.split(",") if selector.strip()]
    return tuple(c for c in excluded if not selectors or any(matches(selector, c) for selector in selectors))


def _contents(
    session: Session,
    chosen: Sequence[Combination],
    images: Mapping[str, LocalImage],
    status: Status,
    request: ReportRequest,
) -> list[Contents]:
    proofs: list[Proof] = []
    if request.prove:
        proofs = answer_or_warning(session.progress, lambda: prove(session, request.only)) or []
    published: Mapping[Combination, PublishedImage | None] = status.published or {}
    known = Sources(images=images, published=published, proofs=proofs)
    found = answer_or_warning(session.progress, lambda: read_contents(session, chosen, known))
    if found is None:
        found = read_contents(session, chosen, Sources(images={}, published={}, proofs=proofs))
    return found
