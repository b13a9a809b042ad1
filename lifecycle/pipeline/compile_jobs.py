"""Compile jobs: the modules that are compiled in one container, and the order of the containers. Pure."""

from collections import Counter
from collections.abc import Sequence

from lifecycle.pipeline.compile import CompileJob
from lifecycle.planning.matrix import Combination
from lifecycle.planning.plan import Action
from lifecycle.planning.targets import Targets, module_type_of


def compile_jobs(targets: Targets, actions: Sequence[Action]) -> list[tuple[CompileJob, list[Action]]]:
    """Group the modules to compile by kernel and driver, one container per group, in the best order.

    One driver of each kernel comes first, since the others wait for its conftest answers. Kernels with the most work come first,
    so that the last jobs are short.
    """
    groups: dict[tuple[tuple[str, str], str], list[Action]] = {}
    for action in actions:
        combination = action.combinations[0]
        groups.setdefault((kernel_key(targets, combination), combination.driver), []).append(action)
    groups = dict(sorted(groups.items(), key=lambda group: -len(group[1])))
    work = Counter(kernel for (kernel, _), group in groups.items() for _ in group)
    first = dict(reversed(groups))
    order = sorted(groups, key=lambda key: (first[key[0]] != key[1], -work[key[0]]))
    return [(_compile_job(groups[key]), groups[key]) for key in order]


def kernel_key(targets: Targets, combination: Combination) -> tuple[str, str]:
    """Return what compiles with the same conftest answers have in common: the kernel and the builder."""
    return combination.kernel_name, targets.builder(combination).digest


def _compile_job(actions: Sequence[Action]) -> CompileJob:
    types = tuple(module_type_of(action.target) for action in actions)
    return CompileJob(combination=actions[0].combinations[0], types=types)
