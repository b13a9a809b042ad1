"""Compile timings: saved below the cache root after each compile, and turned into costs.yaml. No result contains them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from pydantic import ValidationError

from lifecycle.cache.cache import Cache
from lifecycle.config.costs import BranchCosts, Costs
from lifecycle.config.schema import Model, ModuleType
from lifecycle.config.versions import driver_branch
from lifecycle.errors import UsageError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Target, module_type_of

# The lines that NVIDIA's Kbuild files print for a question of conftest, and the kernel's for a compiled file.
_QUESTION = re.compile(r"^\s*CONFTEST: (\S+)$", re.MULTILINE)
_FILE = re.compile(r"^\s*CC\s+(?:\[M\]\s+)?\S", re.MULTILINE)
# One minus the squared cosine between the numbers of questions and of files. Below this value the two are almost proportional, as
# for drivers with one module type, and a fit would only explain noise.
_PROPORTIONAL = 0.01


class ProportionalTimingsError(UsageError):
    """Timings in which the numbers of questions and of files are proportional, so that their costs cannot be separated."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"the {count} timed compiles do not separate the cost of questions from that of files: declare, for one kernel, "
            "a driver with one module type and one with both in component.yaml, and measure again"
        )


class Compiled(Model):
    """The content of a make log: the names of conftest's questions, and the number of compiled files."""

    questions: frozenset[str]
    files: int


class Timing(Model):
    """The compile of one container: kernel, driver, seconds of wall time, and the make logs by module type.

    `asked` is the number of questions that the compiler answered; the answers of the others were known.
    """

    kernel: str
    driver: str
    seconds: float
    asked: int
    modules: Mapping[ModuleType, Compiled]

    @property
    def questions(self) -> frozenset[str]:
        """The questions of all module types."""
        return _union(done.questions for done in self.modules.values())

    @property
    def files(self) -> int:
        """The number of compiled files."""
        return sum(done.files for done in self.modules.values())


def read_make_log(text: str) -> Compiled:
    """Parse a make log."""
    return Compiled(questions=frozenset(_QUESTION.findall(text)), files=len(_FILE.findall(text)))


def save_timing(
    cache: Cache, combination: Combination, modules: Iterable[Target], seconds: float, *, asked: int
) -> None:
    """Save how long a container took to compile modules of a combination; replaces the last timing of that name.

    `seconds` are of wall time. `asked` is how many of conftest's questions the compiler answered.
    """
    kernel, driver = combination.kernel_name, combination.driver
    logs = {module_type_of(target): cache.log(target.kind, target.name) for target in modules}
    timing = Timing(
        kernel=kernel,
        driver=driver,
        seconds=round(seconds, 1),
        asked=asked,
        modules={name: read_make_log(log.read_text(encoding="utf-8", errors="replace")) for name, log in logs.items()},
    )
    cache.write(cache.timing(f"{kernel}/{driver}"), timing.model_dump_json(indent=1))


def read_timings(cache: Cache) -> list[Timing]:
    """Return all saved timings in the order of their names; damaged files are left out."""
    found = []
    for path in cache.timings():
        try:
            found.append(Timing.model_validate_json(path.read_bytes()))
        except ValidationError:
            continue
    return found


def costs_of(timings: Sequence[Timing], before: Costs | None) -> Costs:
    """Return the costs from the timings of one machine: seconds by least squares, and numbers as they are.

    Branches of `before` that were not timed stay. The larger number of questions wins, since a compile that finds the answers of
    another driver asks few itself. Raises ProportionalTimingsError.
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
    # The questions that remain after another driver. A compile that found answers asked too few to tell.
    again = min([questions, *(len(asked - other) for other in others), *([before.again] if before else [])])
    files = dict(before.files) if before else {}
    for timing in timings:
        files |= {module_type: done.files for module_type, done in timing.modules.items()}
    return BranchCosts(questions=questions, again=again, files=dict(sorted(files.items())))


def _seconds(timings: Sequence[Timing]) -> tuple[float, float]:
    """Return the seconds per question and per file: the mean over kernels, since their headers differ in size."""
    by_kernel = _grouped(timings, lambda timing: timing.kernel)
    fits = [fit for several in by_kernel.values() if (fit := _fit(several))]
    if not fits:
        raise ProportionalTimingsError(len(timings))
    return fmean(question for question, _ in fits), fmean(file for _, file in fits)


def _fit(timings: Sequence[Timing]) -> tuple[float, float] | None:
    """Return the non-negative least-squares fit of seconds per question and per file. None if it is not unique."""
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
