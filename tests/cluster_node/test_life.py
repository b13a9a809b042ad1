"""A node with the image's own kernel, from its first driver to its last. All nodes take each step at the same time."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests.support.machines.cluster.cluster import Object, container_status
from tests.support.machines.cluster.helm_release import Release
from tests.support.machines.cluster.published_images import Published
from tests.support.machines.cluster_node.cluster_of_guests import on_each
from tests.support.machines.cluster_node.gpu_node import MODULES, GpuNode, KernelState


@dataclass(frozen=True, kw_only=True)
class State:
    """A node with a ready pod: the pod's id, the log of its installation, and what the kernel says."""

    pod: str
    log: str
    kernel: KernelState


@dataclass(frozen=True, kw_only=True)
class Step:
    """A node before and after a step."""

    before: State
    after: State


Steps = Mapping[str, Step]


class Fleet:
    """All nodes with a release of the chart, the images that they have at the moment, and their last known states."""

    def __init__(self, nodes: Sequence[GpuNode], release: Release) -> None:
        self.nodes, self.release = nodes, release
        self.images: Mapping[str, Published] = {node.name: node.oldest for node in nodes}
        self.states: dict[str, State] = {}

    def pod(self, node: GpuNode, *, other_than: str = "") -> Object:
        """Wait for a node's ready pod, and return it."""
        return self.release.pod_of(self.images[node.name], other_than=other_than)

    def observe(self, node: GpuNode) -> State:
        """Wait for a node's ready pod, and return the node's state."""
        metadata = self.pod(node)["metadata"]
        log = node.cluster.logs(self.release.namespace, metadata["name"], "install")
        self.states[node.name] = State(pod=metadata["uid"], log=log, kernel=node.kernel_state())
        return self.states[node.name]

    def step(self, act: Callable[[GpuNode], None]) -> Steps:
        """Let all nodes take a step at the same time, wait for their pods, and return the states before and after."""

        def take(node: GpuNode) -> Step:
            before = self.states[node.name]
            act(node)
            return Step(before=before, after=self.observe(node))

        return on_each(self.nodes, take)


@pytest.fixture(scope="module")
def fleet(nodes: Sequence[GpuNode], release: Release) -> Fleet:
    """Install the chart with each node's oldest driver, and wait until all nodes have it."""
    fleet = Fleet(nodes, release)
    release.install(*fleet.images.values())
    on_each(nodes, fleet.observe)
    return fleet


@pytest.fixture(scope="module")
def installed(fleet: Fleet) -> Mapping[str, State]:
    """Return the states of all nodes after their first installation."""
    return {node.kernel: fleet.states[node.name] for node in fleet.nodes}


@pytest.fixture(scope="module")
def replaced(fleet: Fleet) -> Steps:
    """Delete each node's pod, and wait for the next."""

    def act(node: GpuNode) -> None:
        pod = fleet.pod(node)
        fleet.release.delete(pod)
        fleet.pod(node, other_than=pod["metadata"]["uid"])

    return fleet.step(act)


@pytest.fixture(scope="module")
def healed(fleet: Fleet) -> Steps:
    """Unload a module of each node, and wait until it is loaded again."""

    def act(node: GpuNode) -> None:
        node.ask("rmmod", "nvidia_uvm")
        node.cluster.wait(lambda: node.kernel_state().modules >= MODULES, f"all modules in the kernel of {node.name}")

    return fleet.step(act)


@pytest.fixture(scope="module")
def rebooted(fleet: Fleet) -> Steps:
    """Restart each node at once, and wait until its pod has started again."""

    def act(node: GpuNode) -> None:
        before = fleet.states[node.name].kernel.boot
        node.ask("sync")
        node.guest.reset()
        node.cluster.wait(lambda: node.boot_id() != before, f"{node.name} has started again")

        def is_started() -> bool:
            status = container_status(fleet.pod(node), "driver")
            return bool(status["restartCount"] and status["ready"])

        node.cluster.wait(is_started, f"the pod of {node.name} has started again")

    return fleet.step(act)


@pytest.fixture(scope="module")
def upgraded(fleet: Fleet) -> Steps:
    """Install each node's newest driver."""
    fleet.images = {node.name: node.newest for node in fleet.nodes}
    fleet.release.upgrade(*fleet.images.values())
    return fleet.step(lambda node: None)


@pytest.fixture(scope="module")
def uninstalled(fleet: Fleet) -> Mapping[str, GpuNode]:
    """Uninstall a release whose pods take the driver with them, and return the nodes."""
    fleet.release.upgrade(*fleet.images.values(), onTermination="uninstall")
    on_each(fleet.nodes, lambda node: fleet.pod(node, other_than=fleet.states[node.name].pod))
    fleet.release.uninstall()
    return {node.kernel: node for node in fleet.nodes}


def test_a_new_node_gets_its_driver(installed: Mapping[str, State], kernel: str, fleet: Fleet) -> None:
    (node,) = (node for node in fleet.nodes if node.kernel == kernel)
    found = installed[kernel].kernel
    assert found.modules >= MODULES
    assert (found.version, found.loads) == (node.oldest.version, 1)


def test_the_firmware_path_is_set_though_the_pods_own_sysfs_is_read_only(
    installed: Mapping[str, State], kernel: str, fleet: Fleet
) -> None:
    (node,) = (node for node in fleet.nodes if node.kernel == kernel)
    state = installed[kernel].kernel
    file = "sys/module/firmware_class/parameters/path"
    ask = f'for file in /{file} /host/{file}; do if [ -w "$file" ]; then echo "$file"; fi; done'
    words = (fleet.pod(node)["metadata"]["name"], "--container=driver", "--", "sh", "-c", ask)
    writable = node.cluster.kubectl("exec", f"--namespace={fleet.release.namespace}", *words)
    assert writable == f"/host/{file}\n"
    assert re.fullmatch(rf"/opt/nvidia/{re.escape(state.version)}-[^/]+/lib/firmware", state.firmware)


def test_a_new_pod_is_ready_without_a_reload(replaced: Steps, kernel: str) -> None:
    step = replaced[kernel]
    assert step.after.pod != step.before.pod
    assert step.after.kernel == step.before.kernel
    assert "loaded" not in step.after.log


def test_an_unloaded_module_is_loaded_again_by_the_same_pod(healed: Steps, kernel: str) -> None:
    step = healed[kernel]
    assert step.after.pod == step.before.pod
    assert step.after.kernel == step.before.kernel


def test_a_rebooted_node_is_ready_again_without_unpacking(rebooted: Steps, kernel: str) -> None:
    before, after = rebooted[kernel].before.kernel, rebooted[kernel].after.kernel
    assert after.boot != before.boot
    assert (after.version, after.firmware, after.modules) == (before.version, before.firmware, before.modules)
    assert "unpacking" not in rebooted[kernel].after.log


def test_an_upgrade_replaces_the_driver_and_its_firmware_path(
    upgraded: Steps, kernel: str, nodes: Sequence[GpuNode]
) -> None:
    (node,) = (node for node in nodes if node.kernel == kernel)
    if node.oldest == node.newest:
        pytest.skip("needs two drivers of one kernel")
    before, after = upgraded[kernel].before.kernel, upgraded[kernel].after.kernel
    assert (before.version, after.version) == (node.oldest.version, node.newest.version)
    assert node.newest.version in after.firmware
    assert (after.modules, after.boot) == (before.modules, before.boot)


def test_an_uninstalled_release_leaves_nothing_on_the_node(uninstalled: Mapping[str, GpuNode], kernel: str) -> None:
    node = uninstalled[kernel]
    state = node.kernel_state()
    assert (state.modules, state.version, state.firmware) == (set(), "", "")
    assert node.files() == set()
