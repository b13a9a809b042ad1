"""costs.yaml: the measured cost of a compile by driver branch and module type. `--shard` divides the matrix by it.

A compile consists of conftest's questions about the kernel's headers and of the source files of each module type. Their numbers
are the same on every machine. The seconds that one of them takes are not, but only the ratio of the two durations matters.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from lifecycle.config.schema import Model, ModuleType, formed, problems_at
from lifecycle.config.validation import parse, read_text

COSTS = Path("costs.yaml")
Branch = Annotated[str, formed(r"[0-9]{3}", "a driver branch: write three digits, such as 535")]
Count = Annotated[int, Field(ge=0, le=10**6)]
Seconds = Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)]


class BranchCosts(Model):
    """The work in a compile of a driver branch.

    `questions` is the number of conftest's questions about a new kernel; `again` is how many remain after another branch asked
    its own. `files` is the number of source files by module type.
    """

    questions: Count
    again: Count
    files: Annotated[Mapping[ModuleType, Annotated[int, Field(ge=1, le=10**6)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _again_is_less(self) -> Self:
        if self.again > self.questions:
            problem = f"{self.again} is a part of questions ({self.questions}): write a number that is not larger"
            raise problems_at("BranchCosts", [(("again",), problem)])
        return self


class Costs(Model):
    """The whole file: seconds per `question` and per `file`, and the measured branches."""

    question: Seconds
    file: Seconds
    branches: Annotated[Mapping[Branch, BranchCosts], Field(min_length=1)]

    def compile(self, branch: str, types: Iterable[ModuleType], *, asked: bool) -> float:
        """Return the seconds that a compile takes. With `asked`, another driver was compiled for this kernel before.

        A branch that was not measured costs as much as the nearest measured one; of two equally near ones the newer counts.
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
    """Read costs.yaml. Raises ConfigurationError."""
    return parse(Costs, read_text(path), file=path.name)
