from functools import partial
from pathlib import Path

import pytest

from tests.support.docker_config import Configured, write_config


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    """Return a function that writes config.json and helpers (scripts by name), and returns the environment."""
    return partial(write_config, tmp_path)
