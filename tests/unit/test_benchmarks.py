"""The synthetic checkouts, the linear fit and the order of compiles of the benchmarks."""

from pathlib import Path

import pytest

from benchmarks.costs import compile_order
from benchmarks.scale import fit_line
from benchmarks.synthetic import write_checkout
from lifecycle.planning.locked_project import is_lock_current
from tests.support.checkout import ROOT


def test_a_synthetic_checkout_is_locked_and_has_every_combination(tmp_path: Path) -> None:
    project = write_checkout(ROOT, tmp_path, releases=4, registry="localhost:5000")
    matrix = project.matrix

    assert is_lock_current(project)
    assert (len(matrix.combinations), matrix.excluded, matrix.warnings) == (4 * 8 * 2, (), ())
    assert sum(len(c.module_types) for c in matrix.combinations) == 4 * 8 * 2 * 2 - 4 * 2


def test_a_straight_line_fits_better_than_a_curve() -> None:
    line = fit_line([(1, 3), (2, 5), (4, 9)])

    assert line.slope == pytest.approx(2)
    assert line.r_squared == pytest.approx(1)
    assert fit_line([(x, x * x) for x in (1, 2, 4, 8)]).r_squared < 0.98


def test_each_kernel_is_compiled_with_a_different_driver_first(tmp_path: Path) -> None:
    combinations = write_checkout(ROOT, tmp_path, releases=3, registry="localhost:5000").matrix.combinations
    ordered = list(compile_order(combinations))
    firsts = [b.driver for a, b in zip([None, *ordered], ordered, strict=False) if a is None or a.kernel != b.kernel]

    assert {(c.kernel, c.driver) for c in ordered} == {(c.kernel, c.driver) for c in combinations}
    assert len(ordered) == len({(c.kernel, c.driver) for c in ordered})
    assert len(set(firsts)) == len(firsts) == len({c.kernel for c in combinations})
