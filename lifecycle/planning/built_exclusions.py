"""Exclusions of modules that have been built: they may be wider than meant. Pure."""

from collections.abc import Callable, Iterator

from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import is_excluded_by
from lifecycle.planning.targets import modules_name

_SHOWN = 3


def warn_of_built(project: LockedProject, was_built: Callable[[str], bool]) -> Iterator[str]:
    """Yield a warning for each exclusion that drops modules that have been built.

    `was_built` tells by a target's name, whatever the inputs of its last result were.
    """
    everything = [*project.matrix.combinations, *project.matrix.excluded]
    for index, rule in enumerate(project.component.context.exclude):
        dropped = dict.fromkeys(
            modules_name(combination, excluded.module_type)
            for combination in everything
            for excluded in combination.excluded
            if is_excluded_by(rule, combination, excluded.module_type)
        )
        built = [name for name in dropped if was_built(name)]
        if built:
            more = f" and {len(built) - _SHOWN} more" if len(built) > _SHOWN else ""
            yield (
                f"component.yaml: context.exclude[{index}] ({rule.reason}) drops modules that have been built: "
                f"{', '.join(built[:_SHOWN])}{more}: narrow it if they are wanted"
            )
