"""What compiles have taken, and what costs.yaml makes of it. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from lifecycle.config.costs import BranchCosts, Costs
from lifecycle.config.schema import Model, ModuleType
from lifecycle.config.versions import driver_branch
from lifecycle.errors import UsageError

# What NVIDIA's Kbuild files and the kernel's print as they ask a question, and as they compile a file.
_QUESTION = re.compile(r"^\s*CONFTEST: (\S+)$", re.MULTILINE)
_FILE = re.compile(r"^\s*CC\s+(?:\[M\]\s+)?\S", re.MULTILINE)
# One less the squared cosine between the counts of questions and those of files. Below it they are all but proportional, as
# among drivers of one module type, and the fit would explain noise.
_PROPORTIONAL = 0.01


class NothingToTellApartError(UsageError):
    """Compiles in which questions and files go together, so that nobody can say what takes how long."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"the {count} compiles that were timed do not tell questions from files: of one kernel it takes a driver "
            "with one module type and one with both; declare such in component.yaml, and measure again"
        )


class Compiled(Model):
    """What a make log shows: the questions of conftest, by name, and how many files were compiled."""

    questions: frozenset[str]
    files: int


class Timing(Model):
    """One container's compile: a driver for a kernel, its wall seconds, and what of each module type was done in it.

    `asked` is how many questions the compiler answered; the others' answers were known.
    """

    kernel: str
    driver: str
    seconds: float
    asked: int
    modules: Mapping[ModuleType, Compiled]

    @property
    def questions(self) -> frozenset[str]:
        """The questions of all types."""
        return _union(done.questions for done in self.modules.values())

    @property
    def files(self) -> int:
        """How many files were compiled."""
        return sum(done.files for done in self.modules.values())


def read_make_log(text: str) -> Compiled:
    """Count what a make log shows."""
    return Compiled(questions=frozenset(_QUESTION.findall(text)), files=len(_FILE.findall(text)))


def costs_of(timings: Sequence[Timing], before: Costs | None) -> Costs:
    """What the timings of one machine say: seconds by least squares, counts as they are.

    `before` keeps its branches that were not timed, and has the last word where it knows more questions: who finds
    answers of another driver asks few. Raises NothingToTellApartError.
    """
    question, file = _seconds(timings)
    by_branch = _grouped(timings, lambda timing: driver_branch(timing.driver))
    asked = {branch: _union(timing.questions for timing in several) for branch, several in by_branch.items()}
    branches = dict(before.branches) if before else {}
    for branch, several in by_branch.items():
        others = [questions for other, questions in asked.items() if other != branch]
        branches[branch] = _branch(several, asked[branch], others, branches.get(branch))
    return Costs(question=question, file=file, branches=dict(sorted(branches.items())))


def _branch(
    timings: Sequence[Timing], asked: frozenset[str], others: Iterable[frozenset[str]], before: BranchCosts | None
) -> BranchCosts:
    questions = max(len(asked), before.questions if before else 0)
    # What is left when another driver has asked; one that found answers itself shows too few of those to tell.
    again = min([questions, *(len(asked - other) for other in others), *([before.again] if before else [])])
    files = dict(before.files) if before else {}
    for timing in timings:
        files |= {module_type: done.files for module_type, done in timing.modules.items()}
    return BranchCosts(questions=questions, again=again, files=dict(sorted(files.items())))


def _seconds(timings: Sequence[Timing]) -> tuple[float, float]:
    """The seconds of a question and of a file: the mean of the kernels, for some have larger headers than others."""
    by_kernel = _grouped(timings, lambda timing: timing.kernel)
    fits = [fit for several in by_kernel.values() if (fit := _fit(several))]
    if not fits:
        raise NothingToTellApartError(len(timings))
    return fmean(question for question, _ in fits), fmean(file for _, file in fits)


def _fit(timings: Sequence[Timing]) -> tuple[float, float] | None:
    """The seconds that leave the least squares of what they do not explain, none negative; None where many do."""
    qq = sum(t.asked * t.asked for t in timings)
    ff = sum(t.files * t.files for t in timings)
    qf = sum(t.asked * t.files for t in timings)
    qs = sum(t.asked * t.seconds for t in timings)
    fs = sum(t.files * t.seconds for t in timings)
    determinant = qq * ff - qf * qf
    if determinant <= _PROPORTIONAL * qq * ff:
        return None
    question, file = (qs * ff - fs * qf) / determinant, (fs * qq - qs * qf) / determinant
    if question < 0:
        return 0.0, fs / ff
    return (question, file) if file >= 0 else (qs / qq, 0.0)


def _grouped(timings: Iterable[Timing], key: Callable[[Timing], str]) -> dict[str, list[Timing]]:
    found: dict[str, list[Timing]] = {}
    for timing in timings:
        found.setdefault(key(timing), []).append(timing)
    return found


def _union(several: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*several)
