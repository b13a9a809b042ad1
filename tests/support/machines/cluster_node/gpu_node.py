"""A guest that is a node of a cluster, and what its kernel and its files say, asked through a pod of the tests."""

from collections.abc import Mapping
from dataclasses import dataclass

from lifecycle.planning.matrix import Combination
from tests.support.machines.cluster.cluster import Cluster, Object, is_ready
from tests.support.machines.cluster.helm_release import GPU_LABELS
from tests.support.machines.cluster.published_images import Published
from tests.support.machines.cluster_node.guest import Guest

# The channel by which a node asks for its driver, so that a newer version is an upgrade.
CHANNEL = "lts"
MODULES = {"nvidia", "nvidia_modeset", "nvidia_uvm"}
_NAMESPACE = "default"
# One line for each field of KernelState. A container is started for each question, so all are one.
_QUESTIONS = """\
echo $(cut -d' ' -f1 /proc/modules)
cat /host/sys/module/nvidia/version || echo
dmesg | grep -c 'NVRM: loading NVIDIA'
echo "$(cat /host/sys/module/firmware_class/parameters/path)"
cat /proc/sys/kernel/random/boot_id
"""


@dataclass(frozen=True, kw_only=True)
class KernelState:
    """The modules of NVIDIA in a kernel, the driver's version ("" without it), and how often it was loaded since the start.

    `firmware` is the folder where the kernel looks for firmware first, `boot` identifies its start (random(4)).
    """

    modules: set[str]
    version: str
    loads: int
    firmware: str
    boot: str


@dataclass(frozen=True, kw_only=True)
class GpuNode:
    """A node: its machine, its cluster, the combinations of its kernel, oldest driver first, and their images."""

    guest: Guest
    cluster: Cluster
    combinations: tuple[Combination, ...]
    images: Mapping[str, Published]

    @property
    def name(self) -> str:
        return self.guest.name

    @property
    def kernel(self) -> str:
        return self.combinations[0].kernel

    @property
    def oldest(self) -> Published:
        """The image of its oldest driver."""
        return self.images[self.combinations[0].id]

    @property
    def newest(self) -> Published:
        """The image of its newest driver."""
        return self.images[self.combinations[-1].id]

    def join(self) -> None:
        """Wait until the node is ready, label it, and start the pod through which the tests ask."""
        self.cluster.wait(self._is_ready, f"the node {self.name} is ready; its console is {self.guest.console}")
        release = self.combinations[0].release
        self.cluster.label(self.name, {**GPU_LABELS, "os-version": str(release), "nvidia-driver": CHANNEL})
        self.cluster.apply(_asking_pod(self._pod, self.name, self.oldest.reference))
        self.cluster.wait(lambda: is_ready(self._get_pod()), f"a pod of the tests on {self.name}")

    def ask(self, *words: str, check: bool = True) -> str:
        """Return the output of a command in a privileged container of the node, which has the node's root at /host."""
        return self.cluster.kubectl("exec", f"--namespace={_NAMESPACE}", self._pod, "--", *words, check=check)

    def run_on_host(self, script: str) -> str:
        """Return the output of a shell script that sees the files and processes of the node, as its own programs do."""
        return self.ask("chroot", "/host", "nsenter", "--target=1", "--mount", "sh", "-euc", script)

    def hold(self, file: str) -> str:
        """Start a process of the node that keeps a file open, and return its process id."""
        return self.run_on_host(f"sleep infinity <{file} >/dev/null 2>&1 & echo $!").strip()

    def end(self, process: str) -> None:
        """End a process of the node."""
        self.run_on_host(f"kill {process}")

    def kernel_state(self) -> KernelState:
        """Return what its kernel says."""
        modules, version, loads, firmware, boot, _ = self.ask("sh", "-c", _QUESTIONS).split("\n")
        names = {name for name in modules.split() if name.startswith("nvidia")}
        return KernelState(modules=names, version=version, loads=int(loads), firmware=firmware, boot=boot)

    def boot_id(self) -> str:
        """Return the identifier of its kernel's start as its kubelet reports it once it has started."""
        return str(self._get_node()["status"]["nodeInfo"]["bootID"])

    def knows_cdi(self) -> bool:
        """Return whether its containerd knows CDI, which 1.7 is the first version to do."""
        runtime = str(self._get_node()["status"]["nodeInfo"]["containerRuntimeVersion"])
        major, minor, *_ = runtime.removeprefix("containerd://").split(".")
        return (int(major), int(minor)) >= (1, 7)

    def files(self) -> set[str]:
        """Return the files of the installer that it has, and NVIDIA's device files."""
        found = self.ask("find", "/host/opt", "/host/run/nvidia", "/host/dev", "-name", "*nvidia*", check=False)
        return set(found.split())

    @property
    def _pod(self) -> str:
        return f"asking-{self.name.replace('.', '-')}"

    def _get_pod(self) -> Object:
        return self.cluster.get("pod", f"--namespace={_NAMESPACE}", self._pod)

    def _get_node(self) -> Object:
        return self.cluster.get("node", self.name)

    def _is_ready(self) -> bool:
        return any(node["metadata"]["name"] == self.name and is_ready(node) for node in self.cluster.nodes())


def _asking_pod(name: str, node: str, image: str) -> Object:
    container = {
        "name": "asking",
        "image": image,
        "command": ["sleep", "infinity"],
        "securityContext": {"privileged": True},
        "volumeMounts": [{"name": "host", "mountPath": "/host", "mountPropagation": "HostToContainer"}],
    }
    spec = {
        "nodeName": node,
        "hostPID": True,
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
    }
    metadata = {"name": name, "namespace": _NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
