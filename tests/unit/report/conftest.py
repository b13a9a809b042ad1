from pathlib import Path

import pytest

from tests.support.fakes.sessions import FakeSession
from tests.support.report_sessions import report_session


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> FakeSession:
    """Return a session of 64 combinations. A test must not change it."""
    return report_session(tmp_path_factory.mktemp("wide"), 4)


@pytest.fixture
def changeable(tmp_path: Path) -> FakeSession:
    """Return a session of 64 combinations, which a test may change."""
    return report_session(tmp_path, 4)
