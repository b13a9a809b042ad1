"""A machine with its own apt, and installers of a few versions, in a folder and on the web, for the tests of sources."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.runfiles import SMALL_DRIVER, make_runfile
from tests.support.checkouts.apt_checkout import repository
from tests.support.checkouts.source_checkout import SourceCheckout, make_source_checkout
from tests.support.machines.apt_machine import AptMachine, make_apt_machine
from tests.support.servers.web_server import Web, web_server

RUNFILE_VERSIONS = ["550.90.07", "550.163.01", "570.10.01"]


@pytest.fixture
def apt_checkout(tmp_path: Path) -> SourceCheckout:
    """Return a checkout whose packages come from the archive of the machine that is labelled Test."""
    return make_source_checkout(tmp_path, repository(), environ={})


@pytest.fixture
def apt_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AptMachine:
    """Return a machine without sources whose apt the process uses."""
    made = make_apt_machine(tmp_path / "machine")
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture(scope="session")
def runfiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with installers of some versions, beside the folders from which they are made."""
    folder = tmp_path_factory.mktemp("runfiles")
    for version in RUNFILE_VERSIONS:
        make_runfile(folder, version, SMALL_DRIVER)
    return folder


@pytest.fixture
def drivers(runfiles: Path, tmp_path: Path) -> Iterator[Web]:
    """Serve a copy of the installers on the web, which a test can damage."""
    folder = tmp_path / "web"
    folder.mkdir()
    for path in runfiles.glob("*.run"):
        (folder / path.name).write_bytes(path.read_bytes())
    with web_server(folder) as server:
        yield server
