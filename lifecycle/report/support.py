"""The support of releases and drivers: their ends of life."""

from dataclasses import dataclass
from datetime import date

from lifecycle.app.session import Session

SUPPORTED, ENDS, ENDED = "supported", "ends", "ended"
_SOON_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class EndOfLife:
    """The last day of the support of a release or a driver. `state` is ENDED, ENDS if that is soon, or SUPPORTED."""

    subject: str
    end: date
    state: str


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
