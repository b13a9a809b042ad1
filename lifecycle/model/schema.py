"""What the parts of component.yaml share: how they are read, and the words that several of them use."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

ReleaseName = Annotated[str, Field(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]


class Model(BaseModel):
    """Base of all parts: camelCase keys, unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class ModuleType(StrEnum):
    """Which of NVIDIA's two sets of kernel module sources."""

    PROPRIETARY = "proprietary"
    OPEN = "open"


class Architecture(StrEnum):
    """Processor architectures by Debian's names."""

    AMD64 = "amd64"
    ARM64 = "arm64"
