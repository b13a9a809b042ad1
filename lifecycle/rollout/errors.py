"""The errors of a rollout: the node and the step, the message of the installer or of Kubernetes, and what to do."""

from collections.abc import Sequence

from lifecycle.errors import EXIT_INTERRUPTED, InstallerError
from lifecycle.rollout.model import Failure, InstallerPod
from lifecycle.rollout.next_step import Step

_AGAIN = "Then run the same command again: it goes on with this node."
_SHOWN = 10
_CODES = "docs/how-to/exit-codes.md"


class JobsLateError(InstallerError):
    """GPU pods that still run at the end of the time limit."""

    def __init__(self, node: str, whom: str, refusals: Sequence[str], seconds: float) -> None:
        super().__init__(
            f"{node}: wait for GPU pods: after {seconds:.0f} s there are still {whom}",
            details="\n".join(f"  {said}" for said in refusals),
            resolution="Wait for them, end them, or raise --drain-timeout; --evict evicts those that a controller starts "
            f"elsewhere. The driver is unchanged. {_AGAIN}",
        )


class DriverFailedError(InstallerError):
    """A new pod that fails."""

    def __init__(self, node: str, namespace: str, pod: InstallerPod) -> None:
        failure = pod.failure
        code = failure.code if failure else None
        where = f"{_CODES} says what {code} means" if code is not None else f"{_CODES}, and the pod's events"
        super().__init__(
            f"{node}: validate the driver: {failure}",
            details=f"  kubectl --namespace {namespace} describe pod {pod.name}",
            resolution=f"Correct it ({where}). {_AGAIN}",
        )


class DriverLateError(InstallerError):
    """A driver that is not ready at the end of the time limit."""

    def __init__(self, node: str, step: Step, failure: Failure | None, seconds: float) -> None:
        super().__init__(
            f"{node}: {step}: not done after {seconds:.0f} s{f': {failure}' if failure else ''}",
            resolution=f"See `kubectl describe` of the node and its pod, or raise --ready-timeout. {_AGAIN}",
        )


class TemplateChangedError(InstallerError):
    """A DaemonSet that somebody changed while its nodes were being upgraded."""

    def __init__(self, node: str, installer: str) -> None:
        super().__init__(
            f"{node}: validate the pod: the DaemonSet {installer} was changed during the rollout",
            resolution="Run the same command again: it takes the newest template for all nodes.",
        )


class NodeTakenError(InstallerError):
    """A node that somebody uncordoned, or that another rollout works on."""

    def __init__(self, node: str) -> None:
        super().__init__(
            f"{node}: somebody uncordoned the node, removed the annotation of the rollout, or began another rollout",
            resolution="Let one rollout at a time work on a fleet. Run the same command again: it goes on with this node.",
        )


class RolloutStoppedError(InstallerError):
    """A rollout that ended at a failure; `summary` says which nodes are done, left and cordoned."""

    def __init__(self, failures: Sequence[InstallerError], summary: str) -> None:
        first, *others = failures
        more = [f"  also: {error.brief}" for error in others]
        details = "\n".join(part for part in (first.details, *more, summary) if part)
        super().__init__(first.brief, details=details, resolution=first.resolution)


class RolloutInterruptedError(InstallerError):
    """A rollout that a signal ended."""

    exit_code = EXIT_INTERRUPTED

    def __init__(self, summary: str) -> None:
        super().__init__("interrupted", details=summary, resolution="The same command goes on where it was stopped.")


class NodesSkippedError(InstallerError):
    """Nodes that need a new pod and cannot have one now, at the end of a rollout without a failure."""

    def __init__(self, reasons: Sequence[str]) -> None:
        many = f"{len(reasons)} nodes still have" if len(reasons) > 1 else "1 node still has"
        super().__init__(
            f"{many} an old driver",
            details="\n".join(f"  {reason}" for reason in reasons[:_SHOWN]),
            resolution="Run the same command again when they can be upgraded; --dry-run lists all.",
        )
