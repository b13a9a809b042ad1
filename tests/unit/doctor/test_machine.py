"""Disk and memory against what a build needs."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.doctor.finding import State
from lifecycle.doctor.machine import Room, check_disk, machine_memory, memory_finding, room_finding
from lifecycle.errors import InstallerError
from tests.support.builders.projects import project

GB = 10**9
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def sockets() -> Iterator[None]:
    """Close the sockets that the SDK leaves open after a failed connection, so that no later test reports them."""
    yield
    gc.collect()


def room(free: int) -> Room:
    return Room(what="the cache", folder=Path("/cache"), free=free, needed=3 * GB)


def test_enough_room_is_ok() -> None:
    assert room_finding(room(3 * GB), 4).state is State.OK


@pytest.mark.parametrize(("free", "state"), [(2 * GB, State.WARNING), (GB // 2, State.ERROR)])
def test_too_little_room_says_how_much_the_matrix_needs(free: int, state: State) -> None:
    found = room_finding(room(free), 4)

    assert found.state is state
    assert "a first build of 4 combinations needs about 3.00 GB there" in found.text
    assert "invoke cache.prune" in found.remedy


def test_a_cache_that_does_not_exist_is_measured_where_it_will_be(tmp_path: Path) -> None:
    session = Session(tmp_path, cache_dir=str(tmp_path / "new/cache"), environ={"DOCKER_HOST": "unix:///nowhere.sock"})
    found = check_disk(session, project())

    assert f"free for the cache at {tmp_path}" in next(found).text
    with pytest.raises(InstallerError, match="no container engine answers"):
        next(found)


@pytest.mark.parametrize(("memory", "state"), [(4 << 30, State.OK), (2 << 30, State.WARNING), (512 << 20, State.ERROR)])
def test_memory_is_judged_by_its_size(memory: int, state: State) -> None:
    assert memory_finding("this machine", memory).state is state


def test_the_limit_of_a_container_counts(tmp_path: Path) -> None:
    (tmp_path / "limited").write_text("1073741824\n")
    (tmp_path / "unlimited").write_text("max\n")

    assert machine_memory(tmp_path / "limited") == 1 << 30
    assert machine_memory(tmp_path / "unlimited") == machine_memory(tmp_path / "missing") > 0
