import signal
from collections.abc import Iterator

import pytest

from lifecycle.app import job_summary
from lifecycle.config.store import MODE_VARIABLE, OFF, STORE_VARIABLE


def pytest_configure() -> None:
    """Restore SIGINT for the processes that tests start, and let SIGTERM end the tests as SIGINT does, with their servers.

    A shell without job control starts a background job with SIGINT ignored (POSIX.1-2017, XCU 2.11), which is inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def without_remote_cache() -> Iterator[None]:
    """Keep tests from the remote cache of the caller's environment and of component.yaml."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(STORE_VARIABLE, raising=False)
        patch.setenv(MODE_VARIABLE, OFF)
        yield


@pytest.fixture(scope="session", autouse=True)
def without_job_summary() -> Iterator[None]:
    """Keep tests from the summary of the CI job that runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(job_summary.VARIABLE, raising=False)
        yield
