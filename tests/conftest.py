from collections.abc import Iterator

import pytest

from lifecycle.config.store import MODE_VARIABLE, OFF, STORE_VARIABLE


@pytest.fixture(scope="session", autouse=True)
def nothing_shared() -> Iterator[None]:
    """What tests make comes from no store and goes to none, whoever runs them and whatever component.yaml says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(STORE_VARIABLE, raising=False)
        patch.setenv(MODE_VARIABLE, OFF)
        yield
