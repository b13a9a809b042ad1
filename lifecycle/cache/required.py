"""The items in the cache and the engine that current combinations require. `invoke cache.prune` never removes them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lifecycle.cache.cache import file_name
from lifecycle.config.image_versions import builder_title
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.planning.builder_tags import builder_tag, kernel_tag
from lifecycle.planning.declarations import base_declarations, driver_declarations, kernel_declarations
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.plan import make_plan
from lifecycle.planning.required_inputs import needed_by
from lifecycle.planning.targets import Kind, Target, Targets, base_tag


@dataclass(frozen=True, kw_only=True)
class RequiredItems:
    """The items that current combinations require.

    `inputs` are sha256, `results` pairs of kind and digest, `names` those of files in answers/, latest/, logs/ and timings/,
    `combinations` identifiers, `lists` names of folders in apt/, `images` names in the engine.
    """

    inputs: Collection[str]
    results: Collection[tuple[str, str]]
    names: Collection[str]
    combinations: Collection[str]
    lists: Collection[str]
    images: Collection[str]


class _Nothing:
    """A planner's state without any target, so that the plan contains every target."""

    def has(self, _: Target) -> bool:
        return False

    def shared(self, _: Sequence[Target]) -> set[str]:
        return set()

    def latest_inputs(self, _: Target) -> Mapping[str, object] | None:
        return None


def needs_of(project: LockedProject) -> RequiredItems:
    """Return the items that all combinations of a project's matrix require."""
    targets, combinations = Targets(project), project.matrix.combinations
    made = [action.target for action in make_plan(targets, combinations, _Nothing()).actions]
    return RequiredItems(
        inputs=inputs_of(project, combinations),
        results={(str(target.kind), target.digest) for target in made},
        names={file_name(name) for name in _names(targets, combinations, made)},
        combinations={combination.id for combination in combinations},
        lists=set(_lists(project)),
        images=images_of(targets, combinations),
    )


def used_by(targets: Targets, combinations: Sequence[Combination], made: Iterable[Target]) -> set[str]:
    """Return the names of the items that a build of combinations uses; `made` are its targets."""
    return {
        *inputs_of(targets.project, combinations),
        *(target.digest for target in made),
        *images_of(targets, combinations),
    }


def inputs_of(project: LockedProject, combinations: Sequence[Combination]) -> set[str]:
    """Return the sha256 of all files that combinations are made of, and of the kernels that their tests boot."""
    return {file.sha256 for file in needed_by(project, combinations, kernel_images=True).files}


def images_of(targets: Targets, combinations: Iterable[Combination]) -> set[str]:
    """Return the names of the builder and base images in the engine that combinations need."""
    return {name for combination in combinations for name in _images(targets, combination)}


def _images(targets: Targets, combination: Combination) -> Iterator[str]:
    base = base_tag(targets.builder(combination))
    builder = builder_tag(base, builder_title(combination.release), targets.recipe(Kind.MODULES))
    yield from (base, base_tag(targets.runtime(combination)), builder)
    yield kernel_tag(builder, combination.kernel, targets.project.lock.kernel_for(combination).headers)


def _names(targets: Targets, combinations: Sequence[Combination], made: Iterable[Target]) -> Iterator[str]:
    """Yield the names of logs, timings, conftest answers and latest inputs."""
    yield from (target.name for target in made)
    yield from images_of(targets, combinations)
    for combination in combinations:
        yield from (combination.id, combination.kernel_name, builder_title(combination.release))
        yield f"{combination.kernel_name}/{combination.driver}"
        yield from (f"{file.name}-{file.version}" for file in targets.project.lock.driver_for(combination).runfiles)


def _lists(project: LockedProject) -> Iterator[str]:
    """Yield the folders of apt's package lists for all declared sources."""
    declared = [*kernel_declarations(project).values(), *driver_declarations(project).values()]
    for declaration in [*declared, *base_declarations(project).values()]:
        if isinstance(declaration.source, AptSource):
            yield declaration.source.lists(declaration.architecture)
