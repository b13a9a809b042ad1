"""Real servers on loopback, started when a test asks for one, and ended by their process ids."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from lifecycle.cache.cache import Cache
from lifecycle.pipeline.unpack import Unpacker
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.builders.apt_archive import Archive, end_agent, make_archive
from tests.support.builders.push_session import PushSession
from tests.support.checkout import ROOT
from tests.support.checkouts.source_checkout import GARDEN_PACKAGES
from tests.support.machines.cache_machines import Machines, machines
from tests.support.servers.keystone_server import Keystone, keystone_server
from tests.support.servers.registry_server import RegistryServer, registry_server
from tests.support.servers.swift_cluster import SwiftCluster, swift_cluster
from tests.support.servers.web_server import Web, web_server


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwiftCluster]:
    """Start an OpenStack Swift with TempAuth and stop it at the end."""
    with swift_cluster(tmp_path_factory.mktemp("swift")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def keystone(swift: SwiftCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """Start an OpenStack Keystone whose object store is the Swift and stop it at the end."""
    with keystone_server(tmp_path_factory.mktemp("keystone"), swift) as server:
        yield server


@pytest.fixture(scope="session")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """Create a signed APT archive with Garden Linux's layout. A test that damages the archive must copy it first."""
    home = tmp_path_factory.mktemp("gnupg")
    yield make_archive(tmp_path_factory.mktemp("garden"), home, GARDEN_PACKAGES, "1592.9")
    end_agent(home)


@pytest.fixture
def web(garden: Archive, tmp_path: Path) -> Iterator[Web]:
    """Serve a copy of Garden Linux's archive on the web, which a test can damage."""
    shutil.copytree(garden.folder, tmp_path / "archive", ignore=shutil.ignore_patterns("roots"))
    with web_server(tmp_path / "archive") as server:
        yield server


@pytest.fixture(scope="session")
def builder() -> str:
    """Return the tag of the base for compiling the first release's modules, which `invoke build` has made."""
    project = load_locked_project(ROOT)
    return base_tag(Targets(project).builder(project.matrix.combinations[0]))


@pytest.fixture
def unpacker(builder: str, tmp_path: Path) -> Unpacker:
    """Return an Unpacker that uses containers of the real engine."""
    return Unpacker(root=ROOT, cache=Cache(tmp_path / "cache"), engine=DockerEngine(os.environ), base=builder)


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """Return a client of the real engine and close it at the end."""
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def address() -> Iterator[str]:
    """Add an address outside 127.0.0.0/8 to this machine and delete it at the end."""
    # Of RFC 2544's range for tests within one machine or laboratory; another run on this machine has another one.
    own = f"198.18.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
    done = subprocess.run(
        ["ip", "address", "add", f"{own}/32", "dev", "lo"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this machine gives us no address: {done.stderr.strip()}")
    yield own
    subprocess.run(["ip", "address", "delete", f"{own}/32", "dev", "lo"], check=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    """Start an empty registry and stop it at the end."""
    with registry_server(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def machine(tmp_path: Path, server: RegistryServer) -> Iterator[Machines]:
    """Return a function that makes machines. The machines share results through the registry."""
    with machines(tmp_path, server) as make:
        yield make


@pytest.fixture
def session(server: RegistryServer, tmp_path: Path) -> Iterator[PushSession]:
    """Start a session that pushes small images to the registry, and close it at the end."""
    with closing(PushSession(server, tmp_path)) as made:
        yield made
