from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.builders.apt_archive import Archive, end_agent, make_archive
from tests.support.builders.signing_keys import Pair, make_pair
from tests.support.checkout import copy_parts

# How long one example takes depends on what else the machine does; it says nothing of the code.
settings.register_profile("unit", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy, to edit, of all in the repository that decides what is built."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    copy_parts(folder)
    return folder


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A signed APT archive; to be copied by who wants to damage it."""
    home = tmp_path_factory.mktemp("gnupg")
    yield make_archive(tmp_path_factory.mktemp("archive"), home)
    end_agent(home)


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The signer that component.yaml names, where it names one."""
    return make_pair(tmp_path_factory.mktemp("ours"), "Our modules")


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Another signer."""
    return make_pair(tmp_path_factory.mktemp("theirs"), "Somebody else")
