"""What the benchmarks rest on: what is made up is like the real thing, and what is measured is what is said to be."""

from pathlib import Path

import pytest

from benchmarks.costs import turns
from benchmarks.scale import fit
from benchmarks.synthetic import write_checkout
from lifecycle.planning.locked_project import is_lock_current
from tests.support.checkout import ROOT


def test_a_synthetic_checkout_is_locked_and_has_every_combination(tmp_path: Path) -> None:
    project = write_checkout(ROOT, tmp_path, releases=4, registry="localhost:5000")
    matrix = project.matrix

    assert is_lock_current(project)
    assert (len(matrix.combinations), matrix.excluded, matrix.warnings) == (4 * 8 * 2, (), ())
    assert sum(len(c.module_types) for c in matrix.combinations) == 4 * 8 * 2 * 2 - 4 * 2


def test_a_straight_line_is_straight_and_a_bent_one_is_not() -> None:
    line = fit([(1, 3), (2, 5), (4, 9)])

    assert line.slope == pytest.approx(2)
    assert line.straight == pytest.approx(1)
    assert fit([(x, x * x) for x in (1, 2, 4, 8)]).straight < 0.98


def test_compiles_are_timed_with_another_driver_first_for_each_kernel(tmp_path: Path) -> None:
    combinations = write_checkout(ROOT, tmp_path, releases=3, registry="localhost:5000").matrix.combinations
    timed = list(turns(combinations))
    firsts = [b.driver for a, b in zip([None, *timed], timed, strict=False) if a is None or a.kernel != b.kernel]

    assert {(c.kernel, c.driver) for c in timed} == {(c.kernel, c.driver) for c in combinations}
    assert len(timed) == len({(c.kernel, c.driver) for c in timed})
    assert len(set(firsts)) == len(firsts) == len({c.kernel for c in combinations})
