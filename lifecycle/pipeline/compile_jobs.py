"""What is compiled in one container, and in which order containers are best started. Pure."""

from collections import Counter
from collections.abc import Sequence

from lifecycle.pipeline.compile import CompileJob
from lifecycle.planning.matrix import Combination
from lifecycle.planning.plan import Action
from lifecycle.planning.targets import Targets, module_type_of


def compile_jobs(targets: Targets, actions: Sequence[Action]) -> list[tuple[CompileJob, list[Action]]]:
    """Group modules to compile by kernel and driver, a container each, in the order in which they are best started.

    That is one driver of each kernel first, for the others wait for its answers; of these, those of the kernels with the most
    to do. What is left over at the end is short.
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
    """What the drivers have in common that share the answers of a kernel's headers: the kernel, and what compiles for it."""
    return combination.kernel, targets.builder(combination).digest


def _compile_job(actions: Sequence[Action]) -> CompileJob:
    types = tuple(module_type_of(action.target) for action in actions)
    return CompileJob(combination=actions[0].combinations[0], types=types)
