"""The drivers in use against NVIDIA's bulletins. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from lifecycle.advisories.csaf import Bulletin
from lifecycle.config.versions import driver_branch


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A bulletin that a driver does not have the fixes of.

    `fixed_in` is the version that has them, or None if the bulletin does not list the driver's branch any more. `score` is the
    highest CVSS base score of the vulnerabilities, which `cves` names.
    """

    driver: str
    bulletin: str
    date: date
    fixed_in: str | None
    cves: tuple[str, ...]
    score: float
    severity: str


def findings(drivers: Iterable[str], bulletins: Sequence[Bulletin]) -> list[Finding]:
    """Return the findings of drivers, by their versions, from the newest bulletin on."""
    newest_first = sorted(bulletins, key=lambda bulletin: bulletin.date, reverse=True)
    return [
        finding
        for driver in drivers
        for bulletin in newest_first
        if (finding := _finding(driver, bulletin)) is not None
    ]


def _finding(driver: str, bulletin: Bulletin) -> Finding | None:
    branch = driver_branch(driver)
    if not bulletin.branches or int(branch) > int(bulletin.branches[-1]):
        # A branch that began after the bulletin has had its fixes from the start.
        return None
    left = list(bulletin.vulnerabilities)
    if branch in bulletin.branches:
        # A vulnerability that names other branches only does not affect this one.
        left = [one for one in left if branch in one.fixed and _numbers(driver) < _numbers(one.fixed[branch])]
    if not left:
        return None
    worst = max(left, key=lambda one: one.score)
    return Finding(
        driver=driver,
        bulletin=bulletin.id,
        date=bulletin.date,
        fixed_in=max((one.fixed[branch] for one in left if branch in one.fixed), key=_numbers, default=None),
        cves=tuple(one.cve for one in left),
        score=worst.score,
        severity=worst.severity,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
