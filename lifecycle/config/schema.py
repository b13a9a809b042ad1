"""The base model of component.yaml's sections, and the types that several sections use."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

ReleaseName = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]


class Model(BaseModel):
    """The base of all sections: keys in camelCase, unknown keys are errors, instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class ModuleType(StrEnum):
    """One of NVIDIA's two sets of kernel module sources."""

    PROPRIETARY = "proprietary"
    OPEN = "open"


class Architecture(StrEnum):
    """A processor architecture, by Debian's name."""

    AMD64 = "amd64"
    ARM64 = "arm64"
