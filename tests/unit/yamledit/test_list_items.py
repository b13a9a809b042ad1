"""Items of lists copied and taken out, in files as other people write them: see the folder values/."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.list_items import copy_items, items, remove_items
from lifecycle.yamledit.own_files import NotEditableError
from lifecycle.yamledit.values_file import ValuesFile

FOLDER = Path(__file__).with_name("values")
WORKERS = KeyPath.parse("spec.provider.workers")
LISTS = [
    ("helm.yaml", "nvidiaInstaller.tolerations"),
    ("helm.yaml", "nvidiaInstaller.args"),
    ("documents.yaml", "images"),
    ("shoot.yaml", "spec.provider.workers"),
    ("shoot.yaml", "spec.provider.workers[name=infer-s-v1].taints"),
    ("windows.yaml", "list"),
]
PLACES = [(name, path, n) for name, path in LISTS for n in range({"spec.provider.workers": 3}.get(path, 1))]


def file(name: str) -> ValuesFile:
    return ValuesFile((FOLDER / name).read_bytes().decode(), name)


def said(text: str, path: KeyPath) -> list[object]:
    """Return a list as PyYAML reads it, which is not our reader; every value is its text."""
    node: Any = next(iter(yaml.load_all(text, Loader=yaml.BaseLoader)))
    for segment in map(str, path.segments):
        node = node[segment] if isinstance(node, dict) else next(i for i in node if f"[name={i['name']}]" == segment)
    return list(node)


@given(st.sampled_from(PLACES))
def test_a_copy_stands_after_its_item_and_nothing_else_changes(place: tuple[str, str, int]) -> None:
    name, path, number = place[0], KeyPath.parse(place[1]), place[2]
    before = file(name)
    after = copy_items(before, path, {number: {}})
    wanted = said(before.text, path)

    assert said(after.text, path) == [*wanted[: number + 1], wanted[number], *wanted[number + 1 :]]
    assert [line for line in before.text.splitlines() if line not in after.text.splitlines()] == []


@given(st.sampled_from(PLACES))
def test_a_copy_taken_out_again_leaves_the_file_as_it_was(place: tuple[str, str, int]) -> None:
    before, path = file(place[0]), KeyPath.parse(place[1])
    after = remove_items(copy_items(before, path, {place[2]: {}}), path, [place[2] + 1])

    # A last line that had no end has one then.
    assert after.text.rstrip("\r\n") == before.text.rstrip("\r\n")


def test_a_copy_has_no_anchors_and_its_own_comments() -> None:
    after = copy_items(file("shoot.yaml"), WORKERS, {1: {}}).text

    assert after.count("&image") == 1
    assert after.count("# quota of the project") == 2
    assert after.count("# Training: moves later.") == 1
    assert "          image:\n            name: gardenlinux" in after


def test_windows_line_ends_stay() -> None:
    after = copy_items(file("windows.yaml"), KeyPath.parse("list"), {1: {}}).text

    assert after.count("\r\n") == after.count("\n")


def test_an_item_whose_anchor_is_mentioned_stays() -> None:
    with pytest.raises(
        NotEditableError, match=r"shoot\.yaml:16: its anchor is used elsewhere: move the anchor out of it"
    ):
        remove_items(file("shoot.yaml"), WORKERS, [1])


def test_the_last_item_stays() -> None:
    path = KeyPath.parse("spec.provider.workers[name=infer-s-v1].taints")
    with pytest.raises(NotEditableError, match=r"it is the only item of `.*taints`: add another item first"):
        remove_items(file("shoot.yaml"), path, [0])


@pytest.mark.parametrize("path", ["spec.provider", "spec.provider.workers[name=infer-s-v1].zones", "kind"])
def test_what_is_no_list_of_lines_is_refused(path: str) -> None:
    with pytest.raises(NotEditableError, match="is not a list that can be edited: write its items after dashes"):
        items(file("shoot.yaml"), KeyPath.parse(path))
