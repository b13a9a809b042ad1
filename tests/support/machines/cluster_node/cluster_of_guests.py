"""A cluster whose nodes are guests in QEMU, each with the kernel of some images, which it has before it starts."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import docker

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import references
from tests.support.machines.cluster.cluster import Cluster
from tests.support.machines.cluster.control_plane import ADMIN, ControlPlane, control_plane
from tests.support.machines.cluster.engine_images import pause_image
from tests.support.machines.cluster.published_images import Published, publish
from tests.support.machines.cluster_node.disk import HOST, BootFiles, Recipe, make_boot_files
from tests.support.machines.cluster_node.gpu_node import CHANNEL, GpuNode
from tests.support.machines.cluster_node.guest import guest
from tests.support.machines.cluster_node.node_root import node_root, roots_folder
from tests.support.machines.guest.machine_parts import NotDeclaredError, kernel_packages
from tests.support.machines.guest.pci import NVSWITCH, Function
from tests.support.servers.registry_server import RegistryServer, registry_server

_Result = TypeVar("_Result")
# Nodes are named by their address, of which each has its own, for its kubelet's port.
_NAMES = tuple(f"127.0.0.{number}" for number in range(11, 20))
# Emulated processors take minutes for what others do in seconds.
_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class ClusterOfGuests:
    """A control plane, a registry with a password, and the guests that have joined; all of it ends with `stack`."""

    project: LockedProject
    programs: Path
    folder: Path
    engine: docker.DockerClient
    stack: ExitStack
    _published: dict[str, Published] = field(default_factory=dict)
    _boot_files: dict[str, BootFiles] = field(default_factory=dict)
    _started: list[str] = field(default_factory=list)

    @cached_property
    def plane(self) -> ControlPlane:
        """The control plane, which starts at its first use."""
        return self.stack.enter_context(control_plane(self.programs, self.folder / "plane", _NAMES, addresses=[HOST]))

    @cached_property
    def cluster(self) -> Cluster:
        """A client of the cluster."""
        return Cluster(
            kubectl_program=self.programs / "kubectl",
            kubeconfig=self.plane.kubeconfig(ADMIN),
            folder=self.folder,
            engine=self.engine,
            seconds=_SECONDS,
            # More looks would take the processor time that the guests need.
            interval=2,
        )

    @cached_property
    def registry(self) -> RegistryServer:
        """A registry with TLS and a password, which starts at its first use."""
        server = registry_server(self.folder / "registry", tls=True, password=True, aliases=[HOST])
        return self.stack.enter_context(server)

    @cached_property
    def _pause(self) -> bytes:
        return b"".join(pause_image(self.engine))

    def image(self, combination: Combination) -> Published:
        """Return the image of a combination in the registry; raise NotDeclaredError if the engine lacks it."""
        if combination.id not in self._published:
            reference = references(self.project.component.image, combination)[0]
            try:
                image = publish(self.engine, self.registry, reference, combination.driver)
            except docker.errors.ImageNotFound as error:
                raise NotDeclaredError(f"no image {reference}: run `invoke build --only {combination.id}`") from error
            made = Published(
                repository=image.repository,
                digest=image.digest,
                version=image.version,
                channel=CHANNEL,
                release=str(combination.release),
            )
            self._published[combination.id] = made
        return self._published[combination.id]

    def boot_files(self, combinations: Sequence[Combination], *, others: Sequence[Published] = ()) -> BootFiles:
        """Return the boot files of nodes with the kernel of the combinations, whose images they have, and others."""
        first = combinations[0]
        if first.kernel not in self._boot_files:
            recipe = Recipe(
                kernel=first.kernel,
                kernel_packages=kernel_packages(self.project, Cache(default_cache_dir(os.environ)), first),
                root=node_root(self.project, str(first.release), first.architecture, roots_folder()),
                kubelet=self.programs / "kubelet",
                pause=self._pause,
                plane=self.plane,
                registries=[self.registry],
                preloaded=[*map(self.image, combinations), *others],
            )
            self._boot_files[first.kernel] = make_boot_files(recipe, self.folder / "boot" / first.kernel)
        return self._boot_files[first.kernel]

    def start(
        self,
        combinations: Sequence[Combination],
        *,
        functions: Sequence[Function] = (NVSWITCH,),
        processors: int = 1,
        stack: ExitStack | None = None,
    ) -> GpuNode:
        """Start a node with the kernel of the combinations; `stack`, by default the cluster's, ends it."""
        name = _NAMES[len(self._started)]
        self._started.append(name)
        files = self.boot_files(combinations)
        machine = (stack or self.stack).enter_context(
            guest(name, files, self.folder / name, functions=functions, processors=processors)
        )
        images = {combination.id: self.image(combination) for combination in combinations}
        return GpuNode(guest=machine, cluster=self.cluster, combinations=tuple(combinations), images=images)


def by_kernel(combinations: Sequence[Combination]) -> Mapping[str, tuple[Combination, ...]]:
    """Return the combinations of one OS release for each kernel, oldest driver first."""
    found: dict[str, list[Combination]] = {}
    for combination in combinations:
        same = found.setdefault(combination.kernel, [])
        if not same or same[0].release == combination.release:
            same.append(combination)
    return {kernel: tuple(sorted(same, key=lambda one: _numbers(one.driver))) for kernel, same in found.items()}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def on_each(nodes: Sequence[GpuNode], step: Callable[[GpuNode], _Result]) -> dict[str, _Result]:
    """Return the results of a step on all nodes at the same time, by kernel."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        return dict(zip((node.kernel for node in nodes), pool.map(step, nodes), strict=True))
