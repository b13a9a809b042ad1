"""`invoke matrix`: options that do not go together, and warnings."""

from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.commands.matrix import PartOfDiffError, show_matrix
from lifecycle.planning.targets import Kind
from tests.support.builders.projects import project
from tests.support.checkout import ROOT
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession


@pytest.mark.parametrize(
    ("only", "shard", "named"),
    [("current", "", "--only"), ("", "1/2", "--shard"), ("current", "1/2", "--only and --shard")],
)
def test_a_part_of_a_diff_is_refused_by_the_options_that_choose_it(only: str, shard: str, named: str) -> None:
    session = Session(ROOT, cache_dir="", environ={})

    with pytest.raises(PartOfDiffError, match=f"^--diff compares whole matrices: leave out {named}$"):
        show_matrix(session, only, shard, diff="HEAD", as_json=False, ci_format="")


def test_an_exclusion_of_modules_in_the_cache_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = FakeSession(project(), tmp_path / "cache", FakeEngine())
    show_matrix(session, "", "", diff="", as_json=False, ci_format="")
    before = session.said.getvalue()
    session.cache.remember(Kind.MODULES, "6.12.117-amd64/535.309.01/open", {})
    show_matrix(session, "", "", diff="", as_json=True, ci_format="")

    warning = (
        "component.yaml: context.exclude[0] (there are no open modules of it) drops modules that have been built: "
        "6.12.117-amd64/535.309.01/open: narrow it if they are wanted"
    )
    assert (before, session.said.getvalue()) == ("", f"WARNING: {warning}\n")
    assert warning in capsys.readouterr().out
