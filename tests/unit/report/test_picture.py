from dataclasses import replace

import pytest

from lifecycle.config.schema import ModuleType
from lifecycle.gitops.rollout_state import MERGED, PROPOSED, UNDECLARED, UNKNOWN
from lifecycle.planning.matrix import ExcludedModules
from lifecycle.release.status import Row
from lifecycle.report.picture import anchor_of, picture_of
from tests.support.builders.projects import project

FIRST, SECOND, *_ = project().matrix.combinations
HOLE = replace(
    SECOND,
    module_types=(),
    excluded=tuple(ExcludedModules(module_type=t, reason="does not compile") for t in ModuleType),
)


def row(**changes: object) -> Row:
    known = {"combination": FIRST.id, "built": True, "tested": True, "pushed": "sha256:1", "gitops": MERGED}
    return Row(**{**known, "pools": ("infer-v1",), "next": "", **changes})  # type: ignore[arg-type]


def letters(state: Row, *, booted: bool = True, engine: bool = True) -> str:
    """Return the answers of a combination's stages: Y, N, P and U."""
    picture = picture_of([FIRST], [], {FIRST.id: state}, {FIRST.id: booted}, engine=engine)
    return "".join(stage.reached.value[0].upper() for stage in picture.cells[0].stages)


@pytest.mark.parametrize(
    ("changes", "booted", "found"),
    [
        ({}, True, "YYYYY"),
        ({"built": False, "tested": False, "pushed": "", "gitops": ""}, False, "NNNNN"),
        ({"gitops": PROPOSED}, True, "YYYYP"),
        ({"gitops": UNDECLARED}, True, "YYYYN"),
        ({"pushed": UNKNOWN, "gitops": UNKNOWN}, False, "YYNUU"),
    ],
)
def test_the_stages_are_those_of_the_status(changes: dict[str, object], booted: bool, found: str) -> None:
    assert letters(row(**changes), booted=booted) == found


def test_without_an_engine_nothing_is_known_of_this_machine() -> None:
    assert letters(row(), engine=False) == "UUUYY"


def test_no_command_is_the_next_step_if_the_engine_is_unknown() -> None:
    rows = {FIRST.id: row(next="invoke build")}

    assert picture_of([FIRST], [], rows, {}, engine=False).cells[0].next == ""


def test_a_hole_has_its_reason_once_with_all_module_types() -> None:
    (cell,) = picture_of([], [HOLE], {}, {}, engine=True).cells

    assert (cell.hole, cell.stages, cell.reasons) == (True, (), ("proprietary and open modules: does not compile",))


def test_a_row_has_a_cell_for_each_driver_and_none_for_an_undeclared_one() -> None:
    elsewhere = replace(SECOND, release="new-2", kernel="6.12.117-amd64")
    rows = {c.id: row() for c in (FIRST, elsewhere)}
    picture = picture_of([FIRST, elsewhere], [], rows, {}, engine=True)

    assert picture.drivers == (FIRST.driver, SECOND.driver)
    assert [[cell.driver if cell else None for cell in one.cells] for one in picture.rows] == [
        [FIRST.driver, None],
        [None, SECOND.driver],
    ]


@pytest.mark.parametrize(
    ("next_step", "excluded", "kinds"),
    [
        ("", [], "channel-previous"),
        ("invoke push", [], "channel-previous has-next"),
        ("", [HOLE], "channel-previous has-hole"),
    ],
)
def test_a_row_can_be_filtered_by_what_it_has(next_step: str, excluded: list[object], kinds: str) -> None:
    picture = picture_of([FIRST], excluded, {FIRST.id: row(next=next_step)}, {}, engine=True)  # type: ignore[arg-type]

    assert picture.rows[0].kinds == kinds


def test_an_anchor_has_no_character_that_an_address_would_change() -> None:
    odd = replace(FIRST, kernel="6.12.118+deb13~1-cloud-amd64")

    assert anchor_of(odd) == "c-old-1-6.12.118-deb13-1-cloud-amd64-535.309.01"
