"""`invoke matrix`: options that do not go together."""

import pytest

from lifecycle.app.session import Session
from lifecycle.commands.matrix import PartOfDiffError, show_matrix
from tests.support.checkout import ROOT


@pytest.mark.parametrize(
    ("only", "shard", "named"),
    [("current", "", "--only"), ("", "1/2", "--shard"), ("current", "1/2", "--only and --shard")],
)
def test_a_part_of_a_diff_is_refused_by_the_options_that_choose_it(only: str, shard: str, named: str) -> None:
    session = Session(ROOT, cache_dir="", environ={})

    with pytest.raises(PartOfDiffError, match=f"^--diff compares whole matrices: leave out {named}$"):
        show_matrix(session, only, shard, diff="HEAD", as_json=False, ci_format="")
