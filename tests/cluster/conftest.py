"""A cluster of one node that really runs, started once, on loopback; it ends with the tests, and leaves nothing.

What a failed test has to be understood by is in the logs, whose ends are shown with it.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster, is_ready
from tests.cluster.control_plane import ADMIN, control_plane
from tests.cluster.images import pause_image
from tests.cluster.kubelet import PAUSE, kubelet, node_engine
from tests.cluster.machine import borrowed_machine
from tests.cluster.namespace import namespace
from tests.unit.builders import ROOT

_LOGS = pytest.StashKey[Path]()
_SHOWN = 3000


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of Kubernetes' own programs."""
    done = subprocess.run([ROOT / "scripts/setup-cluster"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """The cluster's files: a path that is short enough for sockets in it (unix(7): 108 bytes)."""
    with tempfile.TemporaryDirectory(prefix="cluster-", dir="/var/tmp") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def cluster(programs: Path, folder: Path, pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """A cluster whose one node is ready."""
    pytestconfig.stash[_LOGS] = folder
    with running_cluster(programs, folder) as cluster:
        yield cluster


@contextmanager
def running_cluster(programs: Path, folder: Path) -> Iterator[Cluster]:
    """Start one in a folder."""
    with (
        borrowed_machine(),
        namespace(folder / "node") as node,
        node_engine(folder / "engine", node) as engine,
        control_plane(programs, folder / "plane") as plane,
    ):
        pause_image(engine, PAUSE)
        cluster = Cluster(
            kubectl_program=programs / "kubectl", kubeconfig=plane.kubeconfig(ADMIN), folder=folder, engine=engine
        )
        with kubelet(programs, folder / "kubelet", plane, node, folder / "engine"):
            cluster.wait(lambda: any(is_ready(found) for found in cluster.nodes()), "a ready node")
            yield cluster


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show the ends of the servers' logs with a test that failed."""
    report = yield
    folder = item.config.stash.get(_LOGS, None)
    if report.failed and folder:
        for log in sorted([*folder.glob("*/*.log"), *folder.glob("*/log")]):
            if log.is_file():
                report.sections.append((str(log.relative_to(folder)), log.read_text(errors="replace")[-_SHOWN:]))
    return report
