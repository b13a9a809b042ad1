"""Container engines, and the driver of an image that `invoke build` has made, installed beside them without a GPU."""

import os
from collections.abc import Iterator

import pytest

from tests.support.machines.engine_root import EngineRoot, engine_root
from tests.support.machines.engine_workload import (
    Run,
    add_specifications,
    docker_in,
    driver_node,
    make_workload,
    podman_in,
)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineRoot]:
    """Start the Debian with the engines, in which the driver and its specification are."""
    if os.geteuid():
        pytest.skip("mounts for the engines need root")
    node = driver_node(tmp_path_factory.mktemp("node"))
    with engine_root(node.drivers) as root:
        add_specifications(root, node)
        yield root


@pytest.fixture(scope="session")
def workload(root: EngineRoot, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path, in the root, of an image's files as a tar."""
    return make_workload(root, tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="session")
def podman(root: EngineRoot, workload: str) -> Run:
    """Return a function that runs a command in a container of podman."""
    return podman_in(root, workload)


@pytest.fixture(scope="session")
def docker(root: EngineRoot, workload: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Start dockerd, and return a function that runs a command in a container of it."""
    with docker_in(root, workload, tmp_path_factory.mktemp("docker")) as run:
        yield run


@pytest.fixture(params=["podman", "docker"])
def run(request: pytest.FixtureRequest) -> Run:
    """Return such a function of each engine."""
    engine: Run = request.getfixturevalue(request.param)
    return engine
