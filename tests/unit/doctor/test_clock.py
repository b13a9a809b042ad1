"""The clock against servers' own."""

import email.utils
from pathlib import Path

import pytest

from lifecycle.doctor.clock import Reading, addresses, clock_finding, read_clock
from lifecycle.doctor.finding import State
from lifecycle.sources.apt.machine import MachineArchive
from tests.support.builders.projects import component, project
from tests.support.fakes.archives import KnownArchives
from tests.support.servers.processes import free_port
from tests.support.servers.scripted_registry import scripted_registry

NOW = 1_800_000_000.0


def reading(offset: float, host: str = "a.example.org") -> Reading:
    return Reading(host=host, offset=offset)


@pytest.mark.parametrize(
    ("offset", "state"),
    [
        (2, State.OK),
        (-59, State.OK),
        (90, State.WARNING),
        (-200, State.WARNING),
        (301, State.ERROR),
        (-9999, State.ERROR),
    ],
)
def test_a_clock_is_judged_by_its_offset(offset: float, state: State) -> None:
    assert clock_finding([reading(offset)]).state is state


def test_the_direction_is_told() -> None:
    assert "400 s ahead of a.example.org" in clock_finding([reading(400)]).text
    assert "400 s behind a.example.org" in clock_finding([reading(-400)]).text


def test_one_server_that_agrees_is_enough() -> None:
    assert clock_finding([reading(5000), reading(1, "b.example.org")]).state is State.OK


def test_without_a_server_nothing_is_said_of_the_clock() -> None:
    assert clock_finding([]).state is State.SKIPPED


def test_the_date_of_an_answer_is_read_whatever_its_status() -> None:
    with scripted_registry() as server:
        server.add("/dists/", b"", status=404, Date=email.utils.formatdate(NOW - 400, usegmt=True))

        assert read_clock(f"http://{server.host}/dists/", lambda: NOW) == Reading(host=server.host, offset=400)


def test_the_age_of_a_cached_answer_is_added() -> None:
    with scripted_registry() as server:
        server.add("/", b"", Date=email.utils.formatdate(NOW - 400, usegmt=True), Age="400")

        assert read_clock(f"http://{server.host}/", lambda: NOW) == Reading(host=server.host, offset=0)


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_a_server_without_a_date_tells_nothing(date: str) -> None:
    with scripted_registry() as server:
        server.add("/", b"", Date=date)

        assert read_clock(f"http://{server.host}/") is None


def test_a_server_that_does_not_answer_tells_nothing() -> None:
    assert read_clock(f"http://127.0.0.1:{free_port()}/") is None


def test_each_server_is_asked_once(tmp_path: Path) -> None:
    known = KnownArchives(Debian=MachineArchive(uris=("http://deb.example.org/debian/",)))
    edited = component(("localhost:5000", "ghcr.io"))

    assert addresses(project(component=edited, root=tmp_path), known) == [
        "https://ghcr.io/v2/",
        "http://deb.example.org/debian/dists/old/InRelease",
    ]
