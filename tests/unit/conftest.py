import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.builders.apt_archive import Archive, end_agent, make_archive
from tests.support.builders.driver_modules import fitting_modules, headers_package, session_with
from tests.support.builders.signing_keys import Pair, make_pair
from tests.support.checkout import copy_parts
from tests.support.fakes.sessions import FakeSession
from tests.support.git import git

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


@pytest.fixture
def committed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's own files, committed on main."""
    # A hook of git's runs with GIT_DIR set, and would have this commit in the project's own repository.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message=first")
    return checkout


@pytest.fixture(scope="session")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kernel's headers package."""
    return headers_package(tmp_path_factory.mktemp("headers"))


@pytest.fixture(scope="session")
def fitting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A driver's modules that fit, in a tree as it is packed."""
    return fitting_modules(tmp_path_factory.mktemp("fitting"))


@pytest.fixture
def proving(tmp_path: Path, headers: Path) -> FakeSession:
    """A session whose cache has the headers, and nothing else."""
    return session_with(headers, tmp_path / "cache")


@pytest.fixture
def modules(fitting: Path, tmp_path: Path) -> Path:
    """Modules that fit, to be corrupted."""
    return Path(shutil.copytree(fitting, tmp_path / "tree"))
