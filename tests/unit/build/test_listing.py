"""`invoke matrix`: options that do not go together."""

import pytest

from lifecycle.build.listing import PartOfDiffError, show_matrix
from lifecycle.build.workbench import Workbench
from tests.support.checkout import ROOT


@pytest.mark.parametrize(
    ("only", "shard", "named"),
    [("current", "", "--only"), ("", "1/2", "--shard"), ("current", "1/2", "--only and --shard")],
)
def test_a_part_of_a_diff_is_refused_by_the_options_that_choose_it(only: str, shard: str, named: str) -> None:
    bench = Workbench(ROOT, cache_dir="", environ={})

    with pytest.raises(PartOfDiffError, match=f"^--diff is about the whole matrix: leave out {named}$"):
        show_matrix(bench, only, shard, diff="HEAD", as_json=False, ci_format="")
