"""The support of releases and drivers: their ends of life, and the known holes of drivers."""

from dataclasses import dataclass
from datetime import date

from lifecycle.advisories.assess import Finding, findings
from lifecycle.advisories.documents import read_bulletins
from lifecycle.app.session import Session
from lifecycle.tools.network.errors import without_login

SUPPORTED, ENDS, ENDED = "supported", "ends", "ended"
_SOON_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class EndOfLife:
    """The last day of the support of a release or a driver. `state` is ENDED, ENDS if that is soon, or SUPPORTED."""

    subject: str
    end: date
    state: str


@dataclass(frozen=True, kw_only=True)
class Advisories:
    """The bulletins' answer for the drivers; `newest` is the date of the newest bulletin."""

    source: str
    newest: date
    findings: tuple[Finding, ...]


def ends_of_life(session: Session, today: date) -> list[EndOfLife]:
    """Return the ends of life that component.yaml declares, the earliest first."""
    component, project = session.project.component, session.locked_project
    ends = {f"driver {driver}": end for driver, end in project.driver_ends_of_life().items()}
    for release in component.context.releases:
        if end := component.source_of(release.name).end_of_life:
            ends[release.name] = end
    found = [EndOfLife(subject=subject, end=end, state=_state(end, today)) for subject, end in ends.items()]
    return sorted(found, key=lambda one: (one.end, one.subject))


def _state(end: date, today: date) -> str:
    return ENDED if end < today else ENDS if (end - today).days <= _SOON_DAYS else SUPPORTED


def read_advisories(session: Session) -> Advisories | None:
    """Return the bulletins' answer; None without `advisories` in component.yaml. Raises what `read_bulletins` raises."""
    declared = session.project.component.advisories
    if declared is None:
        return None
    drivers = sorted({combination.driver for combination in session.locked_project.matrix.combinations})
    with session.cache.scratch("advisories") as folder:
        bulletins = read_bulletins(declared.source, declared.sha256 or "", session.root, folder)
    return Advisories(
        source=without_login(declared.source),
        newest=max(bulletin.date for bulletin in bulletins),
        findings=tuple(findings(drivers, bulletins)),
    )
