"""The next step for a node, from what a look at it shows. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from lifecycle.rollout.model import Failure, FleetNode, InstallerPod, User

# Exit codes of the installer's pods (docs/how-to/exit-codes.md), and of containers that were killed, that may pass by themselves.
_PASSING = (14, 21, 41, 137, 143)
_ATTEMPTS = 4
# A registry or a ConfigMap may be missing for a moment; these reasons never pass.
_HOPELESS = ("InvalidImageName", "ErrImageNeverPull")
_PATIENCE = 60.0


class Step(StrEnum):
    """The steps of a node, and its ends."""

    CORDON = "cordon"
    WAIT_FOR_JOBS = "wait for GPU pods"
    WAIT_FOR_OTHERS = "wait for pods that give way"
    REPLACE = "replace the pod"
    WAIT_FOR_END = "wait for the old pod's end"
    WAIT_FOR_POD = "wait for a new pod"
    WAIT_FOR_READY = "wait until the driver is ready"
    FINISH = "uncordon"
    FAILED = "validate the driver"
    CHANGED = "validate the pod"
    LOST = "keep the node"
    GONE = "gone"


# While a node is in one of these steps, nothing of its driver has changed.
BEFORE = frozenset({Step.CORDON, Step.WAIT_FOR_JOBS, Step.WAIT_FOR_OTHERS, Step.REPLACE})
# The driver is being replaced in these.
REPLACING = frozenset({Step.WAIT_FOR_END, Step.WAIT_FOR_POD, Step.WAIT_FOR_READY})


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at a node: the node, the pods of its installer, the pods that use its GPUs, and those that give way.

    `node` is None if the cluster does not have it any more.
    """

    node: FleetNode | None
    pods: tuple[InstallerPod, ...] = ()
    users: tuple[User, ...] = ()
    leaving: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Aim:
    """The aim of a run on a node: a pod of the template `revision`.

    `run` names the run in marks, `taken` is True once the run has marked the node. `deleted` has the uids of the pods that it has
    deleted, and `failing` is the number of seconds for which the new pod has failed without a break.
    """

    run: str
    revision: str
    taken: bool = False
    deleted: frozenset[str] = frozenset()
    failing: float = 0.0


def next_step(look: Look, aim: Aim) -> Step:
    """Return the next step for a node."""
    node = look.node
    if node is None:
        return Step.GONE
    if node.mark is None or node.mark.run != aim.run:
        return Step.LOST if aim.taken else Step.CORDON
    alive = [pod for pod in look.pods if not pod.ending]
    new = [pod for pod in alive if pod.revision == aim.revision]
    if new and not _failed_before(new[0], aim):
        return _validate(new[0], aim)
    if alive:
        return _replace(alive[0], look, aim, cordoned=node.cordoned)
    return Step.WAIT_FOR_END if look.pods else Step.WAIT_FOR_POD


def _failed_before(pod: InstallerPod, aim: Aim) -> bool:
    """Return whether the pod fails and this run has not made it. Its cause may be mended, so a new pod is worth an attempt."""
    return pod.failure is not None and not aim.deleted


def _replace(old: InstallerPod, look: Look, aim: Aim, *, cordoned: bool) -> Step:
    if aim.deleted and old.uid not in aim.deleted:
        return Step.CHANGED
    if not cordoned:
        return Step.LOST
    if look.users:
        return Step.WAIT_FOR_JOBS
    return Step.WAIT_FOR_OTHERS if look.leaving else Step.REPLACE


def _validate(pod: InstallerPod, aim: Aim) -> Step:
    if pod.ready:
        return Step.FINISH
    return Step.FAILED if pod.failure and is_final(pod.failure, aim.failing) else Step.WAIT_FOR_READY


def is_final(failure: Failure, seconds: float) -> bool:
    """Return whether a failure, seen for so many seconds, will not pass by itself."""
    if failure.code is None:
        return failure.reason in _HOPELESS or seconds >= _PATIENCE
    return failure.code not in _PASSING or failure.restarts >= _ATTEMPTS
