from pathlib import Path

import pytest

from benchmarks.costs import dump_costs
from lifecycle.config.costs import COSTS, Costs, load_costs
from lifecycle.config.schema import ModuleType
from lifecycle.errors import ConfigurationError
from tests.support.checkout import ROOT

PROPRIETARY, OPEN = ModuleType.PROPRIETARY, ModuleType.OPEN
TEXT = """\
question: 0.5
file: 2
branches:
  535: {questions: 100, again: 10, files: {proprietary: 20}}
  550: {questions: 200, again: 30, files: {proprietary: 40, open: 50}}
  580: {questions: 300, again: 60, files: {open: 70}}
"""


def read(folder: Path, text: str = TEXT) -> Costs:
    (folder / COSTS).write_text(text)
    return load_costs(folder / COSTS)


@pytest.mark.parametrize(
    ("branch", "types", "asked", "seconds"),
    [
        ("550", [PROPRIETARY, OPEN], False, 0.5 * 200 + 2 * 90),
        ("550", [OPEN], False, 0.5 * 200 + 2 * 50),
        ("550", [PROPRIETARY], True, 0.5 * 30 + 2 * 40),
        ("470", [PROPRIETARY], False, 0.5 * 100 + 2 * 20),
        ("545", [PROPRIETARY], False, 0.5 * 200 + 2 * 40),
        ("565", [OPEN], False, 0.5 * 300 + 2 * 70),
        ("590", [PROPRIETARY], False, 0.5 * 300 + 2 * 40),
        ("535", [OPEN], True, 0.5 * 10 + 2 * 50),
    ],
    ids=["both", "one", "asked", "older", "between", "as near to two", "newer", "a type of its neighbour"],
)
def test_a_compile_costs_what_was_measured_of_the_nearest_branch(
    tmp_path: Path, branch: str, types: list[ModuleType], asked: bool, seconds: float
) -> None:
    assert read(tmp_path).compile(branch, types, asked=asked) == seconds


def test_a_module_type_that_was_never_measured_costs_what_the_other_does(tmp_path: Path) -> None:
    costs = read(
        tmp_path, "question: 1\nfile: 1\nbranches: {535: {questions: 0, again: 0, files: {proprietary: 20}}}\n"
    )

    assert costs.compile("535", [OPEN], asked=False) == 20


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("question: 0.5", "question: -1", "costs.yaml:1:1: question: input should be greater than or equal to 0"),
        ("file: 2", "file: inf", "costs.yaml:2:1: file: input should be a finite number"),
        (
            "again: 10",
            "again: 101",
            "costs.yaml:4:25: branches.535.again: 101 is a part of questions (100): write a number",
        ),
        (
            "535:",
            "535.309.01:",
            "costs.yaml:4:3: branches.535.309.01: '535.309.01' is not a driver branch: write three digits",
        ),
        ("questions: 100", f"questions: {10**400}", "branches.535.questions: "),
        ("{proprietary: 20}", "{}", "costs.yaml:4:36: branches.535.files: must not be empty"),
        (
            "proprietary: 20",
            "propietary: 20",
            "costs.yaml:4:44: branches.535.files.propietary: expected 'proprietary' or",
        ),
    ],
)
def test_a_file_that_is_wrong_is_a_sentence_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, TEXT.replace(old, new, 1))

    assert said in str(caught.value)


def test_the_projects_own_file_is_as_its_command_writes_it() -> None:
    path = ROOT / COSTS

    assert dump_costs(load_costs(path)) == path.read_text()
