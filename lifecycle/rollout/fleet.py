"""The fleet that Kubernetes' objects describe: installers, and the nodes with their pods. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from lifecycle.rollout.model import Failure, FleetNode, Installer, InstallerPod, Mark, Member
from lifecycle.rollout.objects import (
    ContainerStatus,
    ControllerRevision,
    DaemonSet,
    Node,
    Pod,
    is_true,
)

# The labels of the chart's pods (k8s/nvidia-installer/templates/_helpers.tpl).
COMPONENT = "app.kubernetes.io/component=installer"
RELEASE, DRIVER, VERSION = "nvidia-installer/release", "nvidia-installer/driver", "nvidia-installer/version"
REVISION = "controller-revision-hash"
# The annotation and the label of a node that a rollout works on.
MARK = "nvidia-installer/rollout"
_MESSAGE_LENGTH = 300
# Reasons of a container that does not start for which waiting is no sign of a failure.
_STARTING = ("", "PodInitializing", "ContainerCreating")


def read_installers(sets: Iterable[DaemonSet], revisions: Iterable[ControllerRevision]) -> tuple[Installer, ...]:
    """Return the chart's installers by name; other DaemonSets with the label of the component are left out."""
    newest: dict[str, ControllerRevision] = {}
    for revision in revisions:
        owner = revision.metadata.controller
        if owner and (owner.uid not in newest or newest[owner.uid].revision < revision.revision):
            newest[owner.uid] = revision
    return tuple(
        _installer(found, newest.get(found.metadata.uid))
        for found in sorted(sets, key=lambda found: found.metadata.name)
        if RELEASE in found.spec.template.metadata.labels
    )


def _installer(found: DaemonSet, newest: ControllerRevision | None) -> Installer:
    labels = found.spec.template.metadata.labels
    seen = found.status.observed_generation >= found.metadata.generation
    return Installer(
        name=found.metadata.name,
        uid=found.metadata.uid,
        release=labels[RELEASE],
        driver=labels.get(DRIVER, ""),
        version=labels.get(VERSION, ""),
        revision=newest.metadata.labels.get(REVISION, "") if newest and seen else "",
        on_delete=found.spec.update_strategy.type == "OnDelete",
    )


def read_pods(pods: Iterable[Pod], installers: Iterable[Installer]) -> tuple[InstallerPod, ...]:
    """Return the pods of installers; pods of others, and those without a node, are left out."""
    names = {installer.uid: installer.name for installer in installers}
    return tuple(
        read_pod(pod, names[pod.metadata.controller.uid])
        for pod in pods
        if pod.metadata.controller and pod.metadata.controller.uid in names and pod.spec.node_name
    )


def read_pod(pod: Pod, installer: str) -> InstallerPod:
    """Return a pod of an installer."""
    meta = pod.metadata
    ending = meta.deletion_timestamp is not None
    return InstallerPod(
        name=meta.name,
        uid=meta.uid,
        installer=installer,
        node=pod.spec.node_name,
        revision=meta.labels.get(REVISION, ""),
        version=meta.labels.get(VERSION, ""),
        ready=is_true(pod.status.conditions, "Ready") and not ending,
        ending=ending,
        failure=None if ending else _failure(pod),
    )


def _failure(pod: Pod) -> Failure | None:
    """Return the failure of the first container that fails, the init containers first."""
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    found = next((failure for failure in map(_failure_of, statuses) if failure), None)
    if found is None and pod.status.phase == "Failed":
        return Failure(container="the pod", code=None, reason=pod.status.reason, message=pod.status.message)
    return found


def _failure_of(status: ContainerStatus) -> Failure | None:
    state = status.state
    # A container that waits for its next attempt says how the last one ended; one that runs again may succeed this time.
    ended = state.terminated or (status.last_state.terminated if state.waiting else None)
    if ended and ended.exit_code:
        return Failure(
            container=status.name,
            code=ended.exit_code,
            reason=ended.reason,
            message=_last_line(ended.message),
            restarts=status.restart_count,
        )
    if state.waiting and not ended and state.waiting.reason not in _STARTING:
        why = _last_line(state.waiting.message)
        return Failure(container=status.name, code=None, reason=state.waiting.reason, message=why)
    return None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = lines[-1].removeprefix("nvidia-installer: ") if lines else ""
    line = "".join(letter for letter in line if letter.isprintable())
    return line if len(line) <= _MESSAGE_LENGTH else f"{line[: _MESSAGE_LENGTH - 1]}…"


def read_node(node: Node) -> FleetNode:
    """Return a node; a mark that nobody can read is none, so that the node stays as it is."""
    return FleetNode(
        name=node.metadata.name,
        ready=is_true(node.status.conditions, "Ready"),
        cordoned=node.spec.unschedulable,
        leaving=node.metadata.deletion_timestamp is not None,
        mark=read_mark(node.metadata.annotations),
        labels=node.metadata.labels,
        version=node.metadata.resource_version,
    )


def read_mark(annotations: Mapping[str, str]) -> Mark | None:
    """Return the mark in a node's annotations, or None."""
    try:
        found = json.loads(annotations[MARK])
        labels = {str(key): None if value is None else str(value) for key, value in found["labels"].items()}
        return Mark(
            run=str(found["run"]), installer=str(found["installer"]), cordoned=found["cordoned"] is True, labels=labels
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def write_mark(mark: Mark) -> str:
    """Return the annotation that `read_mark` reads."""
    return json.dumps(
        {"run": mark.run, "installer": mark.installer, "cordoned": mark.cordoned, "labels": dict(mark.labels)}
    )


def members(
    nodes: Iterable[FleetNode], installers: Sequence[Installer], pods: Iterable[InstallerPod]
) -> tuple[Member, ...]:
    """Return the nodes that have a pod of an installer, or that a rollout has left without one, by name.

    A pod that is being deleted counts only if its node has no other. A node with pods of several installers is a member of the
    first.
    """
    known = {installer.name: installer for installer in installers}
    by_node: dict[str, dict[str, InstallerPod]] = defaultdict(dict)
    for pod in sorted(pods, key=lambda pod: (not pod.ending, pod.name)):
        by_node[pod.node][pod.installer] = pod
    found = []
    for node in sorted(nodes, key=lambda node: node.name):
        own = by_node.get(node.name, {})
        names = [name for name in known if name in own]
        if not names and node.mark and node.mark.installer in known:
            names = [node.mark.installer]
        if names:
            found.append(
                Member(node=node, installer=known[names[0]], pod=own.get(names[0]), others=len(own) - 1 if own else 0)
            )
    return tuple(found)
