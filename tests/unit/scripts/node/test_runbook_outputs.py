"""The outputs in docs/runbook are those of the scripts."""

from pathlib import Path

import pytest

from tests.support.machines.node_image import make_node
from tests.support.pages.node_outputs import OUTPUTS, page_of, table
from tests.support.pages.parts import between_marks


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_of_the_runbook_is_that_of_the_scripts(tmp_path: Path, modules: Path, name: str) -> None:
    output, page = OUTPUTS[name], page_of(OUTPUTS[name]).read_text()
    healthy, broken = (make_node(tmp_path / state, modules) for state in ("healthy", "broken"))

    assert page == between_marks(page, name, table(output, healthy, broken)), "run `nox -s docs` and commit"
