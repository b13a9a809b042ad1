"""The nodes of a cluster that get a driver, out of what kubectl prints; the others are counted by reason. Pure.

A node describes itself by Kubernetes' NodeSystemInfo (Kubernetes API reference, core/v1).
"""

import gc
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from lifecycle.errors import UsageError
from lifecycle.kubernetes.gpu_labels import gpu_pools, has_gpu, pools_of
from lifecycle.kubernetes.node_list import BadNodesError, decode, is_structured, read_objects
from lifecycle.kubernetes.node_objects import Node
from lifecycle.kubernetes.nodes import ClusterNode
from lifecycle.tools.label_selector import LabelSelector

_KERNEL = re.compile(r"\d+\.\d+[A-Za-z0-9.+~_-]*")
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "amd64": "amd64", "arm64": "arm64"}
# `osImage` is PRETTY_NAME of /etc/os-release: "Garden Linux 1592.10", "Debian GNU/Linux 12 (bookworm)".
_FAMILIES = {"Garden Linux": "gardenlinux", "Debian GNU/Linux": "debian"}
_OS_IMAGE = re.compile(rf"({'|'.join(_FAMILIES)}) (\d+(?:\.\d+)*)")
# Nodes without a machine of their own. Sources: virtual-kubelet and Azure's virtual nodes; Liqo, "Virtual nodes"; EKS, "Fargate".
_VIRTUAL = {"type": "virtual-kubelet", "liqo.io/type": "virtual-node", "eks.amazonaws.com/compute-type": "fargate"}
_KIND = re.compile(r"(?!Node$)[A-Z][A-Za-z]{0,62}")
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


class NoGpuNodesError(UsageError):
    """Nodes of which none is left."""

    def __init__(self, file: str, left_out: Mapping[str, int]) -> None:
        super().__init__(
            f"{file}: no ready GPU node found, left out: {describe_counts(left_out)}: label the GPU nodes "
            "(docs/how-to/deploy.md), or name them with --selector"
        )


class SelectorOfKernelsError(UsageError):
    """A selector of labels beside kernel releases."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file}: a list of kernel releases has no labels: leave out --selector")


@dataclass(frozen=True, kw_only=True)
class NodeSurvey:
    """The nodes that get a driver, the number of the others by reason, and the problems of nodes that cannot be judged.

    `labels` are those of each node, in the order of the nodes; a list of kernel releases has none. `pods` are the Pods beside them.
    """

    nodes: tuple[ClusterNode, ...]
    left_out: Mapping[str, int]
    problems: tuple[str, ...]
    labels: tuple[Mapping[str, str], ...] = ()
    pods: tuple[object, ...] = ()


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return counts as text, the largest first: `3 no GPU, 1 Windows`."""
    return ", ".join(f"{count} {reason}" for reason, count in Counter(counts).most_common())


def read_nodes(content: bytes, *, file: str, selector: str = "") -> NodeSurvey:
    """Read a file of nodes: JSON, YAML, or kernel releases with or without the architecture (`uname -r`, `uname -rm`).

    Nodes that get no driver are counted by reason. Without a label selector, GPU nodes are told by labels and capacity. Raises
    BadNodesError, NoGpuNodesError, SelectorOfKernelsError, LabelSelectorError.
    """
    chosen = LabelSelector.parse(selector)
    text = decode(content, file=file)
    if is_structured(text):
        with _without_collection():
            survey = _survey(list(read_objects(text, file=file)), chosen if selector.strip() else None)
    elif selector.strip():
        raise SelectorOfKernelsError(file)
    else:
        survey = NodeSurvey(nodes=tuple(_of_lines(text, file)), left_out={}, problems=())
    if not survey.nodes and not survey.problems:
        raise NoGpuNodesError(file, survey.left_out) if survey.left_out else BadNodesError(file, "no node found")
    return survey


@contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the collection of reference cycles, which what is read has none of: it takes two thirds of the time otherwise."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _of_lines(text: str, file: str) -> Iterator[ClusterNode]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if words[:2] == ["NAME", "STATUS"]:
            raise BadNodesError(file, f"line {number}: this is kubectl's table")
        for index, word in enumerate(words):
            if _KERNEL.fullmatch(word):
                machine = _MACHINES.get(words[index + 1]) if index + 1 < len(words) else None
                yield ClusterNode(name=f"line {number}", kernel=word, architecture=machine)
            elif index == 0 or word not in _MACHINES:
                raise BadNodesError(file, f"line {number}: {word!r} is not a kernel release")


def _survey(objects: list[object], selector: LabelSelector | None) -> NodeSurvey:
    read = [_validate(value, number) for number, value in enumerate(objects, start=1) if not _other_kind(value)]
    pools = gpu_pools([(node.labels, node.status.capacity) for node in read if isinstance(node, Node)])

    def is_gpu_node(node: Node) -> bool:
        return has_gpu(node.labels, node.status.capacity) or bool(pools & pools_of(node.labels))

    nodes: list[ClusterNode] = []
    labels: list[Mapping[str, str]] = []
    problems: list[str] = []
    left_out = Counter(kind for value in objects if (kind := _other_kind(value)))
    for node in read:
        if isinstance(node, str):
            problems.append(node)
        elif reason := _reason(node, selector, is_gpu_node):
            left_out[reason] += 1
        elif problem := _problem(node):
            problems.append(f"{node.metadata.name!r}: {problem}")
        else:
            nodes.append(_cluster_node(node))
            labels.append(node.labels)
    return NodeSurvey(
        nodes=tuple(nodes),
        left_out=left_out,
        problems=tuple(problems),
        labels=tuple(labels),
        pods=tuple(value for value in objects if _other_kind(value) == "Pod"),
    )


def _other_kind(value: object) -> str:
    """Return the kind of an object of Kubernetes that is no Node; "" for a node, and for what has no kind."""
    kind = value.get("kind") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and _KIND.fullmatch(kind) else ""


def _validate(value: object, number: int) -> "Node | str":
    """Return an object as a node, or what is wrong with it."""
    try:
        return Node.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        # pydantic's words name the model, which nobody outside knows.
        of_model = first["type"] == "model_type"
        said = "it is no object" if of_model else first["msg"][0].lower() + first["msg"][1:]
        return ": ".join(part for part in (_name_of(value) or f"item {number}", place, said) if part)


def _name_of(value: object) -> str:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return repr(name) if isinstance(name, str) else ""


def _reason(node: Node, selector: LabelSelector | None, is_gpu_node: Callable[[Node], bool]) -> str:
    """Return the reason for which a node gets no driver, or ""."""
    system = node.status.node_info.operating_system or node.labels.get("kubernetes.io/os", "linux")
    if system.lower() != "linux":
        return "Windows" if system.lower() == "windows" else "not Linux"
    if any(node.labels.get(key) == value for key, value in _VIRTUAL.items()):
        return "virtual"
    if selector is not None:
        if not selector.matches(node.labels):
            return "not selected"
    elif any(role in node.labels for role in _CONTROL_PLANE):
        return "control plane"
    elif not is_gpu_node(node):
        return "no GPU"
    ready = next((condition.status for condition in node.status.conditions if condition.type == "Ready"), "True")
    return "" if ready == "True" else "not ready"


def _problem(node: Node) -> str:
    info = node.status.node_info
    if not _NAME.fullmatch(node.metadata.name):
        return "metadata.name: it is no name of a node"
    if not info.kernel_version:
        return "status.nodeInfo.kernelVersion is missing: kubelet has not reported it"
    if not _KERNEL.fullmatch(info.kernel_version):
        return f"status.nodeInfo.kernelVersion: {info.kernel_version!r} is not a kernel release"
    architecture = _architecture(node)
    return "" if re.fullmatch(r"[a-z0-9_]*", architecture) else f"status.nodeInfo.architecture: {architecture!r}"


def _architecture(node: Node) -> str:
    found = node.status.node_info.architecture or node.labels.get("kubernetes.io/arch", "")
    return _MACHINES.get(found, found)


def _cluster_node(node: Node) -> ClusterNode:
    info = node.status.node_info
    match = _OS_IMAGE.search(info.os_image)
    return ClusterNode(
        name=node.metadata.name,
        kernel=info.kernel_version,
        architecture=_architecture(node) or None,
        release=f"{_FAMILIES[match[1]]}-{match[2]}" if match else None,
    )
