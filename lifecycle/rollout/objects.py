"""The parts of Kubernetes' objects that a rollout reads (Kubernetes API reference: core/v1, apps/v1), validated at the edge."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel


class _Part(BaseModel):
    """A part of an object; fields that the rollout does not read are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Owner(_Part):
    """An owner reference."""

    kind: str
    uid: str
    controller: bool = False


class Metadata(_Part):
    """The metadata of an object."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    owner_references: list[Owner] = Field(default_factory=list)

    @property
    def controller(self) -> Owner | None:
        """The object that made this one and replaces it, or None."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class Condition(_Part):
    """A condition of a node or a pod."""

    type: str
    status: str


def is_true(conditions: Iterable[Condition], kind: str) -> bool:
    """Return whether a condition is True; a missing one is not."""
    return any(condition.type == kind and condition.status == "True" for condition in conditions)


class NodeSpec(_Part):
    """The specification of a node."""

    unschedulable: bool = False


class NodeStatus(_Part):
    """The status of a node."""

    conditions: list[Condition] = Field(default_factory=list)


class Node(_Part):
    """A node."""

    metadata: Metadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class Resources(_Part):
    """The resources of a container, by name; a quantity is text or a number."""

    requests: dict[str, str | int | float] = Field(default_factory=dict)
    limits: dict[str, str | int | float] = Field(default_factory=dict)


class Variable(_Part):
    """An environment variable of a container."""

    name: str
    value: str = ""


class Container(_Part):
    """A container of a pod's specification."""

    name: str
    env: list[Variable] = Field(default_factory=list)
    resources: Resources = Resources()


class PodSpec(_Part):
    """The specification of a pod."""

    node_name: str = ""
    containers: list[Container] = Field(default_factory=list)
    init_containers: list[Container] = Field(default_factory=list)
    resource_claims: list[dict[str, Any]] = Field(default_factory=list)


class Terminated(_Part):
    """The end of a container."""

    exit_code: int
    reason: str = ""
    message: str = ""


class Waiting(_Part):
    """The reason for which a container does not run."""

    reason: str = ""
    message: str = ""


class ContainerState(_Part):
    """The state of a container: one of these, or running."""

    waiting: Waiting | None = None
    terminated: Terminated | None = None


class ContainerStatus(_Part):
    """The status of a container."""

    name: str
    restart_count: int = 0
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()


class PodStatus(_Part):
    """The status of a pod."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[Condition] = Field(default_factory=list)
    init_container_statuses: list[ContainerStatus] = Field(default_factory=list)
    container_statuses: list[ContainerStatus] = Field(default_factory=list)


class Pod(_Part):
    """A pod."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class ControllerRevision(_Part):
    """A template that a DaemonSet has or had; the highest number is the newest."""

    metadata: Metadata
    revision: int


class UpdateStrategy(_Part):
    """The update strategy of a DaemonSet."""

    type: str = "RollingUpdate"


class Template(_Part):
    """The pod template of a DaemonSet."""

    metadata: "TemplateMetadata"


class TemplateMetadata(_Part):
    """The metadata of a template, which has no name."""

    labels: dict[str, str] = Field(default_factory=dict)


class DaemonSetSpec(_Part):
    """The specification of a DaemonSet."""

    template: Template
    update_strategy: UpdateStrategy = UpdateStrategy()


class DaemonSetStatus(_Part):
    """The status of a DaemonSet."""

    observed_generation: int = 0


class DaemonSet(_Part):
    """A DaemonSet."""

    metadata: Metadata
    spec: DaemonSetSpec
    status: DaemonSetStatus = DaemonSetStatus()


NODES = TypeAdapter(list[Node])
PODS = TypeAdapter(list[Pod])
REVISIONS = TypeAdapter(list[ControllerRevision])
DAEMON_SETS = TypeAdapter(list[DaemonSet])
