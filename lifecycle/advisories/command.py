"""The command `invoke advisories`: the drivers in use, and the known holes that they have."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from lifecycle.advisories.assess import Finding, findings
from lifecycle.advisories.documents import NoBulletinsError, read_bulletins
from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.errors import InstallerError
from lifecycle.tools.network.errors import without_login


class VulnerableDriversError(InstallerError):
    """Drivers with known holes; the output says which."""

    def __init__(self, drivers: Sequence[str]) -> None:
        super().__init__(
            f"known holes in {', '.join(drivers)}",
            resolution="Move to a fixed version (`invoke update`, `invoke add-driver`), or accept the risk knowingly.",
        )


def show_advisories(session: Session, source: str, *, as_json: bool) -> None:
    """Print what the bulletins say of each driver. Raises VulnerableDriversError after that, for exit code 1.

    `source` is a folder, an archive or a URL; "" means that of component.yaml.
    """
    assessment = assess_drivers(session, source)
    ends = session.locked_project.driver_ends_of_life()
    if as_json:
        output.print_json(
            {
                "newestBulletin": assessment.newest.isoformat(),
                "endOfLife": {driver: end.isoformat() for driver, end in ends.items()},
                "findings": [_row_of(finding) for finding in assessment.findings],
            }
        )
    else:
        _print(assessment, ends)
    if vulnerable := list(dict.fromkeys(finding.driver for finding in assessment.findings)):
        raise VulnerableDriversError(vulnerable)


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """The answer of bulletins for the drivers in use. `source` is their place, `newest` the date of the newest one."""

    source: str
    drivers: tuple[str, ...]
    newest: date
    findings: tuple[Finding, ...]


def assess_drivers(session: Session, source: str = "") -> Assessment:
    """Return what the bulletins say of the drivers of the matrix. Raises NoBulletinsError, and what `read_bulletins` raises.

    `source` is a folder, an archive or a URL; "" means that of component.yaml.
    """
    declared = session.project.component.advisories
    place = source or (declared.source if declared else "")
    if not place:
        raise NoBulletinsError("component.yaml", "has no `advisories`")
    pinned = (declared.sha256 or "") if declared and not source else ""
    drivers = sorted({combination.driver for combination in session.locked_project.matrix.combinations})
    with session.cache.scratch("advisories") as folder:
        bulletins = read_bulletins(place, pinned, session.root, folder)
    return Assessment(
        source=without_login(place),
        drivers=tuple(drivers),
        newest=max(bulletin.date for bulletin in bulletins),
        findings=tuple(findings(drivers, bulletins)),
    )


def _row_of(finding: Finding) -> dict[str, object]:
    return {
        "driver": finding.driver,
        "bulletin": finding.bulletin,
        "date": finding.date.isoformat(),
        "fixedIn": finding.fixed_in,
        "cves": list(finding.cves),
        "score": finding.score,
        "severity": finding.severity,
    }


def _print(assessment: Assessment, ends: dict[str, date]) -> None:
    found = assessment.findings
    rows = [
        (f.driver, f.bulletin, f.date.isoformat(), f"{f.score} {f.severity}", str(len(f.cves)), f.fixed_in or "never")
        for f in found
    ]
    if rows:
        output.print_table("known holes", ["driver", "bulletin", "date", "CVSS", "CVEs", "fixed in"], rows)
    clean = [driver for driver in assessment.drivers if not any(f.driver == driver for f in found)]
    today = datetime.now(UTC).date()
    lines = [f"{driver}: no known holes" for driver in clean]
    lines += [
        f"{driver}: NVIDIA's support {'ended' if end < today else 'ends'} on {end.isoformat()}"
        for driver, end in ends.items()
    ]
    if any(finding.fixed_in is None for finding in found):
        lines.append("never: the bulletin does not list the driver's branch any more, so no version of it is fixed")
    output.print_lines([*lines, f"newest bulletin: {assessment.newest.isoformat()}"])
