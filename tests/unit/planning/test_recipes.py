from pathlib import Path

import pytest

from lifecycle.planning.recipes import FORMAT, formats_at
from tests.support.checkout import ROOT


def code_with(folder: Path, text: str, name: str = "planning/recipes.py") -> Path:
    path = folder / "lifecycle" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return folder


def test_the_formats_of_this_checkout_are_those_of_the_code_that_runs() -> None:
    assert formats_at(ROOT) == FORMAT


def test_the_formats_of_other_code_are_read_and_not_run(tmp_path: Path) -> None:
    code = 'raise SystemExit(1)\nFORMAT: Mapping[str, int] = {"image": 7}\n'

    assert formats_at(code_with(tmp_path, code)) == {"image": 7}


def test_the_module_of_the_formats_may_move(tmp_path: Path) -> None:
    assert formats_at(code_with(tmp_path, 'FORMAT: X = {"image": 7}\n', "model/recipes.py")) == {"image": 7}


@pytest.mark.parametrize("code", ["", "FORMAT: X\n", "FORMAT: X = {number}\n", "FORMAT: X = {\n"])
def test_code_without_readable_formats_has_none(tmp_path: Path, code: str) -> None:
    assert formats_at(code_with(tmp_path, code)) == {}
    assert formats_at(tmp_path / "nowhere") == {}
