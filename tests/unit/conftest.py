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
    """Return an editable copy of all parts of the repository that determine the built images."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    copy_parts(folder)
    return folder


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Return a signed APT archive; a test that damages it copies it first."""
    home = tmp_path_factory.mktemp("gnupg")
    yield make_archive(tmp_path_factory.mktemp("archive"), home)
    end_agent(home)


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return the key pair of our signer, which component.yaml names in tests that declare one."""
    return make_pair(tmp_path_factory.mktemp("ours"), "Our modules")


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return the key pair of another signer."""
    return make_pair(tmp_path_factory.mktemp("theirs"), "Somebody else")


@pytest.fixture
def committed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commit the copy of the project's files on main and return its folder."""
    # A hook of git's runs with GIT_DIR set, and would have this commit in the project's own repository.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    git(checkout, "init", "--quiet", "--initial-branch=main")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message=first")
    return checkout


@pytest.fixture(scope="session")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a kernel's headers package."""
    return headers_package(tmp_path_factory.mktemp("headers"))


@pytest.fixture(scope="session")
def fitting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a driver's modules that fit the kernel, in a tree as it is packed."""
    return fitting_modules(tmp_path_factory.mktemp("fitting"))


@pytest.fixture
def proving(tmp_path: Path, headers: Path) -> FakeSession:
    """Return a session whose cache has only the kernel's headers."""
    return session_with(headers, tmp_path / "cache")


@pytest.fixture
def modules(fitting: Path, tmp_path: Path) -> Path:
    """Return a copy of the fitting modules that a test may corrupt."""
    return Path(shutil.copytree(fitting, tmp_path / "tree"))
