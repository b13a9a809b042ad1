from pathlib import Path

import pytest

from tests.support.builders.kernel_modules import module_maker


@pytest.fixture(scope="session")
def ko(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a real kernel module that imports printk."""
    return module_maker(tmp_path_factory.mktemp("ko"))("nvidia")
