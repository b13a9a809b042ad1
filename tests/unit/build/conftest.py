import os
import shutil
from pathlib import Path

import pytest

from tests.support.builders.driver_modules import bench_with, fitting_modules, headers_package
from tests.support.fakes.sessions import Bench
from tests.support.git import git


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
def proving(tmp_path: Path, headers: Path) -> Bench:
    """A bench whose cache has the headers, and nothing else."""
    return bench_with(headers, tmp_path / "cache")


@pytest.fixture
def modules(fitting: Path, tmp_path: Path) -> Path:
    """Modules that fit, to be spoilt."""
    return Path(shutil.copytree(fitting, tmp_path / "tree"))
