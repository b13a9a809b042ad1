"""costs.yaml: what a compile costs, measured, by driver branch and module type. What `--shard` divides the matrix by.

A compile is conftest's questions of the kernel's headers and the source files of each module type. How many of both a branch
has is the same on every machine; what one of them takes is not, but the two seconds that are written down matter only by
their ratio.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from lifecycle.model.schema import Model, ModuleType
from lifecycle.model.validation import read_text, validate
from lifecycle.model.yaml_text import read_yaml

COSTS = Path("costs.yaml")
Branch = Annotated[str, Field(pattern=r"^[0-9]{3}$")]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class BranchCosts(Model):
    """How much a compile of a driver branch is.

    `questions` of a kernel that nobody has asked before, `again` of one that another branch has, `files` of each module type.
    """

    questions: Count
    again: Count
    files: Annotated[Mapping[ModuleType, Annotated[int, Field(ge=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _again_is_less(self) -> Self:
        if self.again > self.questions:
            msg = f"again ({self.again}) is a part of questions ({self.questions}): write a number that is not larger"
            raise ValueError(msg)
        return self


class Costs(Model):
    """The file: seconds that a `question` and a `file` take, and the branches that were measured."""

    question: Seconds
    file: Seconds
    branches: Annotated[Mapping[Branch, BranchCosts], Field(min_length=1)]

    def compile(self, branch: str, types: Iterable[ModuleType], *, asked: bool) -> float:
        """The seconds of compiling module types of a driver branch; `asked`: another driver has asked this kernel before.

        What was never measured costs what the nearest measured branch does, of two as near the newer one.
        """
        nearest = self.branches[_nearest(branch, self.branches)]
        questions = nearest.again if asked else nearest.questions
        return self.question * questions + self.file * sum(self._files(branch, module_type) for module_type in types)

    def _files(self, branch: str, module_type: ModuleType) -> int:
        known = {name: costs.files[module_type] for name, costs in self.branches.items() if module_type in costs.files}
        if known:
            return known[_nearest(branch, known)]
        return max(self.branches[_nearest(branch, self.branches)].files.values())


def _nearest(branch: str, measured: Collection[str]) -> str:
    return min(measured, key=lambda other: (abs(int(other) - int(branch)), -int(other)))


def load_costs(path: Path) -> Costs:
    """Read costs.yaml; raises ConfigurationError for what is wrong."""
    return validate(Costs, read_yaml(read_text(path), file=path.name))
