from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.required import needs_of, used_by
from lifecycle.config.image_versions import builder_title
from lifecycle.config.lock import Lock
from lifecycle.config.schema import Architecture
from lifecycle.pipeline.compile import Compiler
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets, base_tag
from tests.support.builders.projects import component, every_target, locked_file, project
from tests.support.fakes.engine import FakeEngine

NOW = project()


def test_every_target_of_the_matrix_is_needed_by_its_digest() -> None:
    assert needs_of(NOW).results == {(str(target.kind), target.digest) for target in every_target(NOW)}


def test_a_combination_needs_all_its_locked_files_and_the_kernel_for_tests() -> None:
    needed = needs_of(NOW).inputs

    assert needed == {file.sha256 for file in NOW.lock.files()}
    assert {kernel.image[0].sha256 for kernel in NOW.lock.kernels.values()} <= set(needed)


def without_a_driver(now: LockedProject) -> LockedProject:
    return project(component=component(("    - 535\n", "")), lock=now.lock)


def without_a_release(now: LockedProject) -> LockedProject:
    return project(component=component(("    - {name: old-1, channel: previous}\n", "")), lock=now.lock)


def with_an_exclusion(now: LockedProject) -> LockedProject:
    return project(
        component=component(("  exclude:\n", '  exclude:\n    - {kernel: "<6.2", reason: nobody has it}\n')),
        lock=now.lock,
    )


@pytest.mark.parametrize(
    ("change", "inputs", "combination"),
    [
        (without_a_driver, lambda lock: lock.drivers["535/amd64"].userspace, "/535.309.01"),
        (without_a_release, lambda lock: lock.kernels["old-1/amd64"].headers, "old-1/"),
        (with_an_exclusion, lambda lock: lock.kernels["old-1/amd64"].image, "old-1/"),
    ],
)
def test_locked_items_outside_the_matrix_are_not_needed(
    change: Callable[[LockedProject], LockedProject], inputs: Callable[[Lock], list[object]], combination: str
) -> None:
    needs = needs_of(change(NOW))

    assert not {file.sha256 for file in inputs(NOW.lock)} & set(needs.inputs)  # type: ignore[attr-defined]
    assert not any(combination in name for name in needs.combinations)
    assert set(needs.results) < set(needs_of(NOW).results)


def images(of: LockedProject, combination: Combination, cache: Cache) -> set[str]:
    """Return the names of the images that a build would look for, with an engine that has them all."""
    targets, engine = Targets(of), FakeEngine()
    engine.any_image = True
    compiler = Compiler(targets=targets, cache=cache, engine=engine)
    base = base_tag(targets.builder(combination))
    builder = compiler.builder(base, builder_title(combination.release))
    return {base, base_tag(targets.runtime(combination)), builder, compiler.kernel(combination, builder)}


@pytest.mark.parametrize("index", range(4))
def test_all_images_that_a_build_looks_for_are_needed(index: int, tmp_path: Path) -> None:
    combination = NOW.matrix.combinations[index]

    assert images(NOW, combination, Cache(tmp_path)) <= set(needs_of(NOW).images)


def test_the_lists_of_all_sources_that_are_asked_are_needed() -> None:
    sources = NOW.component.sources.releases.values()

    assert needs_of(NOW).lists == {source.lists(Architecture.AMD64) for source in sources}  # type: ignore[union-attr]


def test_logs_and_what_was_learnt_are_needed_by_the_names_that_they_have() -> None:
    combination = NOW.matrix.combinations[0]
    names = needs_of(NOW).names

    assert {
        combination.kernel,
        combination.id.replace("/", "_"),
        "old_1",
        "6.1.0-56-cloud-amd64_535.309.01_proprietary",
    } <= set(names)
    assert all("/" not in name for name in names)


def test_what_a_build_of_some_combinations_uses_is_of_these_alone() -> None:
    targets, combinations = Targets(NOW), NOW.matrix.combinations
    (one, *_), used = combinations, used_by(Targets(NOW), combinations[:1], [Targets(NOW).image(combinations[0])])

    assert targets.image(one).digest in used
    assert targets.image(combinations[1]).digest not in used
    assert locked_file("linux-headers-6.1.0-56-cloud-amd64", "6.1.192").sha256 in used
    assert locked_file("linux-headers-6.12.117-amd64", "6.12.117").sha256 not in used
    assert base_tag(targets.builder(one)) in used
