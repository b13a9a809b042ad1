"""Warnings of exclusions that drop modules that have been built."""

from lifecycle.planning.built_exclusions import warn_of_built
from lifecycle.planning.locked_project import LockedProject
from tests.support.builders.projects import component, project

ANCHOR = "{driverVersion: 535, moduleType: open, reason: there are no open modules of it}"
OLD, NEW = "6.1.0-56-cloud-amd64/550.163.01", "6.12.117-amd64/550.163.01"


def with_rule(rule: str) -> LockedProject:
    return project(component=component((ANCHOR, f"{ANCHOR}\n    - {rule}")))


def test_an_exclusion_that_drops_built_modules_is_named_with_them() -> None:
    now = with_rule('{driverVersion: 550, moduleType: open, kernel: ">=6", reason: too wide a range}')

    assert list(warn_of_built(now, {f"{NEW}/open", f"{NEW}/proprietary"}.__contains__)) == [
        f"component.yaml: context.exclude[1] (too wide a range) drops modules that have been built: {NEW}/open: "
        "narrow it if they are wanted"
    ]


def test_an_exclusion_of_what_was_never_built_is_no_warning() -> None:
    now = with_rule('{driverVersion: 550, moduleType: open, kernel: ">=6", reason: too wide a range}')

    assert list(warn_of_built(now, {f"{NEW}/proprietary"}.__contains__)) == []


def test_a_combination_that_is_excluded_whole_is_named_too() -> None:
    now = with_rule('{driverVersion: 550, kernel: "<6.12", reason: nobody needs it}')

    assert [c.driver for c in now.matrix.excluded] == ["550.163.01"]
    (warning,) = warn_of_built(now, {f"{OLD}/open", f"{OLD}/proprietary"}.__contains__)
    assert f"{OLD}/proprietary, {OLD}/open: narrow it" in warning


def test_of_many_built_modules_the_first_are_named() -> None:
    now = with_rule("{architecture: amd64, moduleType: proprietary, reason: wants open ones}")
    (one, two) = warn_of_built(now, lambda _: True)

    assert "exclude[0]" in one
    assert "/535.309.01/proprietary" in two
    assert two.endswith(" and 1 more: narrow it if they are wanted")
