"""The parts of Kubernetes' objects that describe a node (Kubernetes API reference: core/v1), validated at the edge."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """A part of an object; Go writes null for what is empty."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic's signature
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class Metadata(Part):
    """The metadata of an object."""

    name: str
    labels: dict[str, str] = {}


class Condition(Part):
    """A condition of a node or a pod."""

    type: str = ""
    status: str = ""


class NodeInfo(Part):
    """The system that kubelet reports."""

    kernel_version: str = ""
    os_image: str = ""
    architecture: str = ""
    operating_system: str = ""


class Status(Part):
    """The status of a node."""

    conditions: list[Condition] = []
    capacity: dict[str, Any] = {}
    node_info: NodeInfo = NodeInfo()


class Node(Part):
    """A node."""

    kind: Literal["Node"] = "Node"
    metadata: Metadata
    status: Status = Status()

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the node."""
        return self.metadata.labels


class Container(Part):
    """A container of a pod."""

    image: str = ""


class PodSpec(Part):
    """The specification of a pod."""

    node_name: str = ""
    containers: list[Container] = []


class PodStatus(Part):
    """The status of a pod."""

    conditions: list[Condition] = []


class Pod(Part):
    """A pod."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def is_ready(self) -> bool:
        """True if the pod says that it is ready."""
        return any(condition.type == "Ready" and condition.status == "True" for condition in self.status.conditions)
