"""A node with the image's own kernel, from its first driver to its last. All nodes take each step at the same time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests.support.machines.cluster.cluster import container_status
from tests.support.machines.cluster.helm_release import IN_USE, Release
from tests.support.machines.cluster.rollout import Done, Rollouts
from tests.support.machines.cluster_node.cluster_of_guests import on_each
from tests.support.machines.cluster_node.fleet import Fleet, State, Steps
from tests.support.machines.cluster_node.gpu_node import MODULES, GpuNode, KernelState


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


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A rollout that a busy node has stopped: the node, its user of the driver, the rollout's end, and all kernels then."""

    busy: GpuNode
    user: str
    done: Done
    kernels: Mapping[str, KernelState]


@pytest.fixture(scope="module")
def stopped(fleet: Fleet, rollouts: Rollouts) -> Stopped:
    """Roll out each node's newest driver while a process of the first node uses the old one."""
    if any(node.oldest == node.newest for node in fleet.nodes):
        pytest.skip("needs two drivers of each kernel")
    busy = fleet.nodes[0]
    user = busy.hold("/dev/nvidiactl")
    fleet.images = {node.name: node.newest for node in fleet.nodes}
    fleet.release.upgrade(*fleet.images.values())
    done = rollouts.run("--wave=100%")
    return Stopped(busy=busy, user=user, done=done, kernels=on_each(fleet.nodes, GpuNode.kernel_state))


@pytest.fixture(scope="module")
def upgraded(fleet: Fleet, stopped: Stopped, rollouts: Rollouts) -> Steps:
    """End that process, and let the rollout go on."""
    stopped.busy.end(stopped.user)
    done = rollouts.run()
    assert done.code == 0, done.err
    return fleet.step(lambda node: None)


@pytest.fixture(scope="module")
def uninstalled(fleet: Fleet) -> Mapping[str, GpuNode]:
    """Uninstall a release whose pods take the driver with them, and return the nodes."""
    rolling = {"type": "RollingUpdate"}
    fleet.release.upgrade(*fleet.images.values(), onTermination="uninstall", updateStrategy=rolling)
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


def test_a_rollout_upgrades_the_idle_nodes_and_names_the_user_of_a_busy_one(stopped: Stopped, fleet: Fleet) -> None:
    assert stopped.done.code == 1
    assert f"install ended with {IN_USE}: " in stopped.done.err
    assert f"in use by process {stopped.user} (sleep)" in stopped.done.err
    assert f"still cordoned by the rollout: {stopped.busy.name}" in stopped.done.err
    for node in fleet.nodes:
        expected = node.oldest if node is stopped.busy else node.newest
        assert stopped.kernels[node.kernel].version == expected.version


def test_the_next_rollout_goes_on_and_replaces_drivers_and_firmware_paths(
    upgraded: Steps, kernel: str, nodes: Sequence[GpuNode]
) -> None:
    (node,) = (node for node in nodes if node.kernel == kernel)
    before, after = upgraded[kernel].before.kernel, upgraded[kernel].after.kernel
    assert (before.version, after.version) == (node.oldest.version, node.newest.version)
    assert node.newest.version in after.firmware
    assert (after.modules, after.boot) == (before.modules, before.boot)


def test_an_uninstalled_release_leaves_nothing_on_the_node(uninstalled: Mapping[str, GpuNode], kernel: str) -> None:
    node = uninstalled[kernel]
    state = node.kernel_state()
    assert (state.modules, state.version, state.firmware) == (set(), "", "")
    assert node.files() == set()
