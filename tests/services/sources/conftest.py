"""Installers of a few versions, in a folder and on the web."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.builders.runfiles import SMALL_DRIVER, make_runfile
from tests.support.servers.web_server import Web, web_server

RUNFILE_VERSIONS = ["550.90.07", "550.163.01", "570.10.01"]


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
