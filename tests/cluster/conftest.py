"""A cluster of one node that really runs, started once, on loopback; it ends with the tests, and leaves nothing.

What a failed test has to be understood by is in the logs, whose ends are shown with it.
"""

import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.machines.cluster.cluster import Cluster, is_ready
from tests.support.machines.cluster.containerd import Containerd, containerd, containerd_of
from tests.support.machines.cluster.control_plane import ADMIN, control_plane
from tests.support.machines.cluster.engine_images import Installer, own_images, pause_image, real_image
from tests.support.machines.cluster.helm_release import LABELS, Release
from tests.support.machines.cluster.kernel_settings import borrowed_machine
from tests.support.machines.cluster.kubelet import NODE, kubelet
from tests.support.machines.cluster.namespace import namespace
from tests.support.machines.cluster.pod_host import env_of, installer_image
from tests.support.machines.cluster.published_images import Images, publish
from tests.support.machines.node_host import DRIVER, OLD_DRIVER, Node
from tests.support.machines.node_image import compile_modules, make_node
from tests.support.servers.registry_server import RegistryServer, registry_server

_LOGS = pytest.StashKey[Path]()
_SHOWN = 3000


@pytest.fixture(scope="session")
def programs() -> Path:
    """Return the folder of the Kubernetes programs."""
    done = subprocess.run([ROOT / "scripts/setup-cluster"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Yield the cluster's folder, whose path is short enough for sockets in it (unix(7): 108 bytes)."""
    with tempfile.TemporaryDirectory(prefix="cluster-", dir="/var/tmp") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def one_node(programs: Path, folder: Path, pytestconfig: pytest.Config) -> Iterator[tuple[Cluster, Containerd]]:
    """Start a cluster with one ready node and stop it at the end. Yield it with the node's container runtime."""
    pytestconfig.stash[_LOGS] = folder
    with running_cluster(programs, folder) as found:
        yield found


@pytest.fixture(scope="session")
def cluster(one_node: tuple[Cluster, Containerd]) -> Cluster:
    """Return a cluster with one ready node."""
    return one_node[0]


@pytest.fixture(scope="session")
def runtime(one_node: tuple[Cluster, Containerd]) -> Containerd:
    """Return the container runtime of the cluster's node."""
    return one_node[1]


@contextmanager
def running_cluster(programs: Path, folder: Path) -> Iterator[tuple[Cluster, Containerd]]:
    """Start one in a folder."""
    with (
        borrowed_machine(),
        namespace(folder / "node") as node,
        containerd(containerd_of(programs), folder / "containerd", node) as runtime,
        control_plane(programs, folder / "plane", [NODE]) as plane,
        own_images() as engine,
    ):
        runtime.load(pause_image(engine))
        cluster = Cluster(
            kubectl_program=programs / "kubectl",
            kubeconfig=plane.kubeconfig(ADMIN),
            folder=folder,
            engine=engine,
        )
        with kubelet(programs, folder / "kubelet", plane, node, runtime.socket):
            cluster.wait(lambda: any(is_ready(found) for found in cluster.nodes()), "a ready node")
            yield cluster, runtime


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile small kernel modules and return their folder."""
    folder = tmp_path_factory.mktemp("modules")
    compile_modules(folder)
    return folder


@pytest.fixture(scope="session")
def registry(runtime: Containerd, folder: Path) -> Iterator[RegistryServer]:
    """Start a registry with TLS, whose authority the node trusts, and stop it at the end."""
    with registry_server(folder / "registry", tls=True) as server:
        runtime.trust(server)
        yield server


@pytest.fixture(scope="session")
def real() -> Installer:
    """Return a real installer image, for another kernel than this machine's."""
    return real_image()


@pytest.fixture(scope="session")
def images(cluster: Cluster, registry: RegistryServer, real: Installer, folder: Path, modules: Path) -> Images:
    """Publish the real image and the images of an older and a newer driver for the tests' hosts."""
    made = {}
    for driver in (OLD_DRIVER, DRIVER):
        host = make_node(folder / "making" / driver, modules)
        installer_image(cluster.engine, f"installer:{driver}", real.reference, host, driver)
        made[driver] = publish(cluster.engine, registry, f"installer:{driver}", driver)
    wrong = publish(cluster.engine, registry, real.reference, real.version)
    return Images(old=made[OLD_DRIVER], new=made[DRIVER], wrong=wrong)


@pytest.fixture
def host(folder: Path, modules: Path, request: pytest.FixtureRequest) -> Node:
    """Return a host with a GPU and no driver."""
    host = make_node(folder / "hosts" / request.node.name, modules)
    # What is the host's own, and stays: the folder of links by number, and the kernel's module that one of ours needs.
    for path in (host.host / "dev/char", host.folder / "dev/char", host.sysfs / "module/drm/holders"):
        path.mkdir(parents=True)
    (host.sysfs / "module/drm/refcnt").write_text("0\n")
    return host


@pytest.fixture
def release(cluster: Cluster, host: Node) -> Iterator[Release]:
    """Yield the chart, not yet installed, for installers that find the host. Uninstall it after the test."""
    release = Release(cluster, env_of(host))
    yield release
    cluster.unlabel(cluster.node, *LABELS)
    release.clear()


@pytest.fixture
def other_node(cluster: Cluster) -> Iterator[str]:
    """Create a second node without a kubelet, which is not ready and has no capacity. Delete it at the end."""
    name = "other-node"
    metadata = {"name": name, "labels": {"kubernetes.io/os": "linux"}}
    cluster.apply({"apiVersion": "v1", "kind": "Node", "metadata": metadata})
    yield name
    cluster.kubectl("delete", "node", name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of the servers' logs with a test that failed."""
    report = yield
    folder = item.config.stash.get(_LOGS, None)
    if report.failed and folder:
        for log in sorted([*folder.glob("*/*.log"), *folder.glob("*/log")]):
            if log.is_file():
                report.sections.append((str(log.relative_to(folder)), log.read_text(errors="replace")[-_SHOWN:]))
    return report
