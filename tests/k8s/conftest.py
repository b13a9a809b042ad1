"""The default matrix' images, in the engine, and kernels out of the cache."""

import os
from collections.abc import Iterator

import docker
import pytest

from lifecycle.cache.cache import Cache, default_cache_dir
from tests.support.charts.installer_chart import PROJECT
from tests.support.machines.guest.machine_parts import MachineParts


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """Return a client of the real engine and close it at the end."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def parts(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> MachineParts:
    """Return the parts from which guests are made."""
    cache = Cache(default_cache_dir(os.environ))
    return MachineParts(project=PROJECT, cache=cache, engine=engine, folder=tmp_path_factory.mktemp("guests"))
