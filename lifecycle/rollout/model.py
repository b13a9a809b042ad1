"""The nodes, installers and pods of a fleet, as one look at the cluster shows them. Pure.

The names are Kubernetes': a DaemonSet's pods carry the hash of the template that they were made from in the label
`controller-revision-hash`, and its ControllerRevisions tell which template is the newest (Kubernetes documentation, "Perform a
Rolling Update on a DaemonSet").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class Installer:
    """A DaemonSet of the chart: its release and driver labels, and the driver's version that new pods install.

    `revision` is the hash of its newest template. It is "" until the controller has seen that template.
    """

    name: str
    uid: str
    release: str
    driver: str
    version: str
    revision: str
    on_delete: bool = True

    @property
    def label(self) -> str:
        """The name for people and for `--only`: `debian-13/550`."""
        return f"{self.release}/{self.driver}"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A container that ended with a failure, or that cannot start.

    `code` is its exit code, None if it cannot start; `reason` is Kubernetes' word (`Error`, `ImagePullBackOff`), `message` the last
    line of the installer or of the kubelet.
    """

    container: str
    code: int | None
    reason: str
    message: str
    restarts: int = 0

    def __str__(self) -> str:
        how = f"ended with {self.code}" if self.code is not None else f"cannot start ({self.reason})"
        return f"{self.container} {how}{f': {self.message}' if self.message else ''}"


@dataclass(frozen=True, kw_only=True)
class InstallerPod:
    """A pod of an installer. `version` is its driver's, `revision` the hash of the template that it was made from."""

    name: str
    uid: str
    installer: str
    node: str
    revision: str
    version: str
    ready: bool = False
    ending: bool = False
    failure: Failure | None = None


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The note of a rollout on a node that it upgrades, so that another run can go on with it.

    `run` names the run, `installer` the DaemonSet. `cordoned` is False if somebody else had cordoned the node, which then stays
    cordoned. `labels` are the values that the paused labels had before, None for a label that the node did not have.
    """

    run: str
    installer: str
    cordoned: bool
    labels: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class FleetNode:
    """A node. `version` is the resource version that a change of it is based on."""

    name: str
    ready: bool = True
    cordoned: bool = False
    leaving: bool = False
    mark: Mark | None = None
    labels: Mapping[str, str]
    version: str = ""


class State(StrEnum):
    """The state of a node's driver, in the order of a table."""

    CURRENT = "current"
    OLD = "old"
    NOT_READY = "not ready"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Member:
    """A node of an installer. `pod` is None while the node has none, `others` counts further installers of the node."""

    node: FleetNode
    installer: Installer
    pod: InstallerPod | None
    others: int = 0

    @property
    def is_old(self) -> bool:
        """True if the pod is of an older template than the newest."""
        return self.pod is not None and self.pod.revision != self.installer.revision

    @property
    def state(self) -> State:
        """The state for people; a failure is said first."""
        if self.pod is not None and self.pod.failure:
            return State.FAILED
        if self.is_old:
            return State.OLD
        return State.CURRENT if self.pod is not None and self.pod.ready else State.NOT_READY


@dataclass(frozen=True, kw_only=True)
class User:
    """A pod that uses a node's GPUs: `namespace/name`, the reason, and whether it may be evicted.

    A pod without a controller would not come back, and the API refuses to evict a mirror pod: such pods are waited for.
    """

    namespace: str
    name: str
    uid: str
    why: str
    evictable: bool = True

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
