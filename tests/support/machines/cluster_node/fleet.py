"""All nodes of a cluster with a release of the chart, and their states before and after a step."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.support.machines.cluster.cluster import Object
from tests.support.machines.cluster.helm_release import Release
from tests.support.machines.cluster.published_images import Published
from tests.support.machines.cluster_node.cluster_of_guests import on_each
from tests.support.machines.cluster_node.gpu_node import GpuNode, KernelState


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
