"""The clock of this machine against the `Date` of a server that is used anyway (RFC 9110, 6.6.1)."""

import email.utils
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2 as httpx

from lifecycle.doctor.archives import repositories_in_use, suites
from lifecycle.doctor.finding import Finding, Subject
from lifecycle.errors import InstallerError
from lifecycle.planning.project import Project
from lifecycle.sources.apt.machine import MachineArchives
from lifecycle.tools.network.client import REQUEST_ERRORS, open_client
from lifecycle.tools.registry.session import is_loopback

_CLOCK = Subject("clock")
# Seconds. Signatures, tokens and certificates allow a few minutes at most.
_WARNING, _ERROR = 60, 300
_SECONDS, _MOST = 5.0, 4


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The offset of this machine's clock from a server's in seconds; positive if ours is ahead."""

    host: str
    offset: float


def check_clock(project: Project, machine: MachineArchives) -> Iterator[Finding]:
    """Yield how far this machine's clock is from that of a server."""
    servers = addresses(project, machine)
    with ThreadPoolExecutor(_MOST) as pool:
        readings = [reading for reading in pool.map(read_clock, servers) if reading]
    yield clock_finding(readings)


def addresses(project: Project, machine: MachineArchives) -> list[str]:
    """Return addresses at some servers that a build or a push uses: the archives, the registry, the GitOps repository."""
    component = project.component
    found = list(_archives(project, machine))
    if not is_loopback(component.image.registry):
        found.append(f"https://{component.image.registry}/v2/")
    if component.gitops and component.gitops.repository.startswith("https://"):
        found.append(component.gitops.repository)
    by_host = {urlsplit(address).netloc: address for address in reversed(found)}
    return list(by_host.values())[:_MOST]


def _archives(project: Project, machine: MachineArchives) -> Iterable[str]:
    for repository in repositories_in_use(project.component):
        try:
            archive = machine.archive(repository, project.build_architecture)
        except InstallerError:
            continue  # it is a finding of the archives
        yield from (suite.release_file for suite in suites(repository, archive))


def read_clock(address: str, now: Callable[[], float] = time.time) -> Reading | None:
    """Return the offset from the server of an address; None if it does not answer or tells no time. `now` is in seconds."""
    try:
        with open_client(timeout=_SECONDS, policy=None) as client:
            begun = now()
            answer = client.head(address, headers={"Cache-Control": "no-cache"}, follow_redirects=False)
            ended = now()
        told = email.utils.parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (*REQUEST_ERRORS, InstallerError, ValueError, OverflowError):
        return None
    # A cache repeats the time of the first answer.
    return Reading(host=urlsplit(address).netloc, offset=(begun + ended) / 2 - told - _age(answer))


def _age(answer: httpx.Response) -> float:
    age = answer.headers.get("Age", "")
    return float(age) if age.isdecimal() else 0.0


def clock_finding(readings: Iterable[Reading]) -> Finding:
    """Return whether the clock is right. One server whose clock agrees is enough: another may be wrong itself."""
    nearest = min(readings, key=lambda reading: abs(reading.offset), default=None)
    if nearest is None:
        return _CLOCK.skipped("no server told its time")
    seconds = abs(nearest.offset)
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    if seconds <= _WARNING:
        return _CLOCK.ok(f"{now}, as at {nearest.host}")
    make = _CLOCK.error if seconds > _ERROR else _CLOCK.warning
    direction = "ahead of" if nearest.offset > 0 else "behind"
    return make(
        f"{now} is {seconds:.0f} s {direction} {nearest.host}",
        "Set the clock (`timedatectl set-ntp true`): certificates, tokens and apt's lists are refused by a wrong one.",
    )
