import pytest

from lifecycle.attest.key import PrivateKey
from tests.support.builders.attestations import make_key


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return make_key()


@pytest.fixture(scope="session")
def stranger() -> PrivateKey:
    return make_key()
