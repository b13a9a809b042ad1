import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.component import Exclusion
from lifecycle.config.lock import Lock
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.planning.locked_project import NotLockedError, require_locked
from lifecycle.planning.matrix import (
    Combination,
    EmptyMatrixError,
    ModuleSourcesNotFoundError,
    SameDriverError,
    expand,
)
from lifecycle.planning.selector import NothingSelectedError, select
from tests.support.builders.projects import component, driver, kernel, lock, project

OPEN_535 = "{driverVersion: 535, moduleType: open, reason: there are no open modules of it}"
MATRIX = expand(component(), lock(), PatchSeries())


def ids(combinations: tuple[Combination, ...]) -> list[str]:
    return [combination.id for combination in combinations]


def test_every_release_meets_every_driver_in_the_order_of_the_file() -> None:
    assert ids(MATRIX.combinations) == [
        "old-1/6.1.0-56-cloud-amd64/535.309.01",
        "old-1/6.1.0-56-cloud-amd64/550.163.01",
        "new-2/6.12.117-amd64/535.309.01",
        "new-2/6.12.117-amd64/550.163.01",
    ]
    assert [c.channel for c in MATRIX.combinations] == ["previous", "previous", "current", "current"]
    assert (MATRIX.excluded, MATRIX.warnings) == ((), ())


def test_an_excluded_module_type_stays_out_with_its_reason() -> None:
    first = MATRIX.combinations[0]

    assert first.module_types == (ModuleType.PROPRIETARY,)
    assert [(e.module_type, e.reason) for e in first.excluded] == [(ModuleType.OPEN, "there are no open modules of it")]


def test_an_exclusion_is_keyed_by_kernel_and_hits_whatever_release_has_it() -> None:
    rule = '{kernel: ">=6.12", reason: the kernel breaks both}\n    - ' + OPEN_535
    matrix = expand(component((OPEN_535, rule)), lock(), PatchSeries())

    assert ids(matrix.combinations) == [i for i in ids(MATRIX.combinations) if i.startswith("old-1/")]
    assert ids(matrix.excluded) == [i for i in ids(MATRIX.combinations) if i.startswith("new-2/")]


def test_an_exclusion_that_excludes_nothing_is_a_warning() -> None:
    rule = OPEN_535 + '\n    - {kernel: ">=9", reason: nobody has this kernel}'
    matrix = expand(component((OPEN_535, rule)), lock(), PatchSeries())

    assert matrix.warnings == (
        "component.yaml: context.exclude[1] (nobody has this kernel) excludes nothing: remove it if it is obsolete",
    )


def test_modules_that_the_source_lacks_come_with_the_exclusion_to_paste() -> None:
    rule = '{kernel: ">=9", reason: nobody has this kernel}'

    with pytest.raises(ModuleSourcesNotFoundError) as caught:
        expand(component((OPEN_535, rule)), lock(), PatchSeries())
    assert "the source of driver 535.309.01 has no open modules" in str(caught.value)
    entry = "    - {driverVersion: 535.309.01, moduleType: open, architecture: amd64, reason: not in the archive}"
    assert entry in str(caught.value)


def test_exclusions_that_leave_nothing_are_refused() -> None:
    rule = Exclusion(kernel=">=1.0", reason="nothing works at all")
    now = component()
    nothing = now.model_copy(update={"context": now.context.model_copy(update={"exclude": [rule]})})

    with pytest.raises(
        EmptyMatrixError, match=r"component\.yaml: context\.exclude excludes every combination: remove or"
    ):
        expand(nothing, lock(), PatchSeries())


def test_two_entries_that_mean_one_driver_are_refused() -> None:
    drivers = {"535/amd64": driver("535.309.01"), "535.309.01/amd64": driver("535.309.01")}
    twice = component(("    - 550.163.01\n", "    - 535.309.01\n"))

    with pytest.raises(SameDriverError, match=r"535 and 535\.309\.01 both mean 535\.309\.01: remove one of them"):
        expand(twice, lock(drivers=drivers), PatchSeries())


def test_what_is_not_locked_is_named_with_the_command_that_locks_it() -> None:
    with pytest.raises(NotLockedError) as caught:
        require_locked(project(lock=Lock()))
    assert str(caught.value) == (
        "versions.lock does not have a kernel of old-1/amd64, a kernel of new-2/amd64, driver 535/amd64, "
        "driver 550.163.01/amd64, base BUILDER_OLD_1, base BUILDER_NEW_2, base RUNTIME: "
        "run `invoke fetch`, which resolves and locks them"
    )


def test_patches_are_part_of_a_combination_where_they_apply() -> None:
    patch = Patch(file="a.patch", module_type=ModuleType.OPEN, kernel=">=6.12", reason="it does not compile")
    matrix = expand(component(), lock(), PatchSeries(patches=[patch]))

    assert [[(p.module_type, p.patch) for p in c.patches] for c in matrix.combinations] == [
        [],
        [],
        [],
        [(ModuleType.OPEN, patch)],
    ]


@pytest.mark.parametrize(
    ("only", "chosen"),
    [
        ("", [0, 1, 2, 3]),
        ("old-1", [0, 1]),
        ("535", [0, 2]),
        ("535.309.01", [0, 2]),
        ("old-1/535", [0]),
        ("old-1/535.309.01", [0]),
        ("6.12*", [2, 3]),
        ("new-2/*/550.*", [3]),
        ("*-2/550", [3]),
        ("current", [2, 3]),
        ("old-1/535, new-2/550", [0, 3]),
        ("new-2,535", [0, 2, 3]),
    ],
)
def test_a_selector_means_what_a_person_means_by_it(only: str, chosen: list[int]) -> None:
    assert select(MATRIX, only) == tuple(MATRIX.combinations[index] for index in chosen)


@given(st.sampled_from(MATRIX.combinations))
def test_the_identifier_of_a_combination_selects_it_and_nothing_else(combination: Combination) -> None:
    assert select(MATRIX, combination.id) == (combination,)


@pytest.mark.parametrize("only", ["536", "535/old-1", "old", "old-1/535/550", "old-1,nothing"])
def test_a_selector_that_matches_nothing_lists_what_exists(only: str) -> None:
    with pytest.raises(NothingSelectedError) as caught:
        select(MATRIX, only)
    assert [line.strip() for line in str(caught.value).splitlines()[1:]] == ids(MATRIX.combinations)


def test_a_selector_that_matches_only_excluded_ones_says_so() -> None:
    rule = '{kernel: ">=6.12", reason: the kernel breaks both}\n    - ' + OPEN_535
    matrix = expand(component((OPEN_535, rule)), lock(), PatchSeries())

    with pytest.raises(
        NothingSelectedError, match=r"excluded, see `invoke matrix`:\n  new-2/6\.12\.117-amd64/535\.309\.01"
    ):
        select(matrix, "current")


def test_a_kernel_with_a_plus_and_dots_selects_itself_too() -> None:
    kernels = {
        "old-1/amd64": kernel("6.1.0+deb[x]-amd64", "6.1"),
        "new-2/amd64": kernel("6.12.117+deb13-cloud-amd64", "6.12"),
    }
    matrix = expand(component(), lock(kernels=kernels), PatchSeries())

    assert ids(select(matrix, "new-2/6.12.117+deb13-cloud-amd64/550.163.01")) == [matrix.combinations[3].id]
