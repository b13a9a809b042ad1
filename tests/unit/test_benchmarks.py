"""What the benchmarks rest on: a synthetic checkout is one that the tasks take, and a straight line is known for one."""

from pathlib import Path

import pytest

from benchmarks.scale import Line, fit
from benchmarks.synthetic import write_checkout
from lifecycle.model.declarations import is_answer
from tests.unit.builders import ROOT


def test_a_synthetic_checkout_is_answered_by_its_lock_and_has_every_combination(tmp_path: Path) -> None:
    project = write_checkout(ROOT, tmp_path, releases=4, registry="localhost:5000")
    matrix = project.matrix()

    assert is_answer(project)
    assert (len(matrix.combinations), matrix.excluded, matrix.warnings) == (4 * 8 * 2, (), ())
    assert sum(len(c.module_types) for c in matrix.combinations) == 4 * 8 * 2 * 2 - 4 * 2


def test_a_straight_line_is_straight_and_a_bent_one_is_not() -> None:
    assert fit([(1, 3), (2, 5), (4, 9)]) == Line(slope=pytest.approx(2), straight=pytest.approx(1))
    assert fit([(x, x * x) for x in (1, 2, 4, 8)]).straight < 0.98
