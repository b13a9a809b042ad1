from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.docker_config import Configured, write_config
from tests.support.servers.scripted_registry import Scripted, scripted_registry


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """Return a function that writes config.json and helpers (scripts by name), and returns the environment."""
    return partial(write_config, tmp_path)


@pytest.fixture
def server() -> Iterator[Scripted]:
    """Run a registry with the responses of a test."""
    with scripted_registry() as running:
        yield running
