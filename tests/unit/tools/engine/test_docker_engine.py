import gc
import os
from collections.abc import Iterator

import pytest

from lifecycle.tools.engine.docker_engine import DockerEngine, _is_dead, owner_of
from lifecycle.tools.engine.errors import EngineRefusedError, EngineUnreachableError
from lifecycle.tools.engine.url import InvalidEngineAddressError


@pytest.fixture
def dead_engine() -> Iterator[None]:
    """Close the socket that the SDK leaves open after a failed connection, so that no later test reports it."""
    yield
    gc.collect()


@pytest.mark.usefixtures("dead_engine")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_error_for_a_missing_engine_has_the_reason_and_the_solution() -> None:
    with pytest.raises(EngineUnreachableError) as caught:
        DockerEngine({"DOCKER_HOST": "unix:///no/such.sock"}).image("x")

    assert str(caught.value).splitlines() == [
        "no container engine answers at unix:///no/such.sock",
        "  [Errno 2] No such file or directory",
        "Run scripts/setup, which starts one, or name a running one that you may use: --engine, DOCKER_HOST.",
    ]


@pytest.mark.usefixtures("dead_engine")
def test_an_invalid_address_is_a_mistake_of_the_user() -> None:
    with pytest.raises(InvalidEngineAddressError, match="'nonsense://': nonsense:// is not supported"):
        DockerEngine({"DOCKER_HOST": "nonsense://"}).image("x")


@pytest.mark.parametrize(
    ("why", "hint"),
    [
        ("write /x: no space left on device", "Free some space where the engine keeps its data"),
        (
            "manifest unknown",
            "Name an image that exists: in image_versions, or in component.yaml as `builder` of a source.",
        ),
        ("pull access denied for x", "Log in to the registry"),
    ],
)
def test_a_known_refusal_says_what_to_do(why: str, hint: str) -> None:
    assert hint in str(EngineRefusedError("pull x", why))


def test_only_containers_of_ended_processes_of_this_machine_are_dead() -> None:
    own = owner_of(os.getpid())
    node, _, pid = own.rpartition(":")

    assert not _is_dead(own)
    assert not _is_dead(f"another-machine:{pid}")
    assert _is_dead(f"{node}:4194305")
