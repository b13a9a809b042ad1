import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.yamledit.own_files import NotEditableError, OwnFile

TEXT = """\
# The head.
context:
    releases:   # odd indentation, on purpose
    # - {name: a-1, channel: previous}  # retired: too old
    - {name: a-2, channel: previous}   # kept

    - {name: a-3, channel: current}
    # - {name: a-4, channel: canary}
    driverVersion:
      # - 525         # retired
      - 535
      - 550.10  # a comment
      # - 580
    flow: [1, 2]
    empty: []
version: 1592.10
"""
DOC = OwnFile(TEXT, "c.yaml")
RELEASES, DRIVERS = ("context", "releases"), ("context", "driverVersion")


def changed_lines(edited: OwnFile) -> tuple[list[str], list[str]]:
    before, after = TEXT.splitlines(), edited.text.splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def test_a_scalar_is_set_and_nothing_else() -> None:
    assert changed_lines(DOC.set(("version",), "1592.11")) == (["version: 1592.10"], ["version: 1592.11"])


def test_a_value_within_an_item_is_set() -> None:
    edited = DOC.set((*RELEASES, 1, "channel"), "previous")

    assert changed_lines(edited) == (
        ["    - {name: a-3, channel: current}"],
        ["    - {name: a-3, channel: previous}"],
    )


def test_a_new_item_stands_after_the_last_one() -> None:
    edited = DOC.append(RELEASES, "- {name: a-5, channel: canary}", {"name": "a-5", "channel": "canary"})

    assert changed_lines(edited) == ([], ["    - {name: a-5, channel: canary}"])
    assert edited.text.splitlines()[7] == "    - {name: a-5, channel: canary}"


def test_an_item_that_stands_as_a_comment_takes_its_place() -> None:
    edited = DOC.append(RELEASES, "- {name: a-4, channel: current}", {"name": "a-4", "channel": "current"})

    assert changed_lines(edited) == (
        ["    # - {name: a-4, channel: canary}"],
        ["    - {name: a-4, channel: current}"],
    )


def test_an_older_item_that_comes_back_stands_first_again() -> None:
    edited = DOC.append(DRIVERS, "- 525", "525")

    assert edited.data["context"]["driverVersion"] == ["525", "535", "550.10"]


def test_an_item_becomes_a_comment_with_a_note() -> None:
    edited = DOC.comment_out((*RELEASES, 1), "retired 2026-11-24")

    assert changed_lines(edited) == (
        ["    - {name: a-3, channel: current}"],
        ["    # - {name: a-3, channel: current}  # retired 2026-11-24"],
    )


def test_a_note_joins_a_comment_that_is_there() -> None:
    edited = DOC.comment_out((*DRIVERS, 1), "retired 2026-11-24")

    assert changed_lines(edited)[1] == ["      # - 550.10  # a comment; retired 2026-11-24"]


def test_an_item_of_several_lines_becomes_a_comment_whole() -> None:
    text = "a:\n  - name: x\n    channel: current  # why\n\n  # about y\n  - name: y\n"
    edited = OwnFile(text, "f").comment_out(("a", 0), "retired")

    assert edited.text == "a:\n  # - name: x  # retired\n  #   channel: current  # why\n\n  # about y\n  - name: y\n"


@pytest.mark.parametrize("path", [("context", "flow"), ("context", "empty"), ("version",)])
def test_a_list_that_is_not_on_lines_of_its_own_is_refused(path: tuple[str, ...]) -> None:
    with pytest.raises(
        NotEditableError, match=r"c\.yaml:\d+:\d+: .* is not a list that can be edited: write each item"
    ):
        DOC.append(path, "- 3", "3")


def test_a_file_without_a_last_newline_keeps_its_lines_apart() -> None:
    assert OwnFile("a:\n- 1", "f").append(("a",), "- 2", "2").text == "a:\n- 1\n- 2\n"


def test_a_tab_before_a_comment_and_a_byte_order_mark_stay() -> None:
    text = "\ufeffa: 1\t# why\nb:\n- 2\t# two\n"
    edited = OwnFile(text, "f").set(("a",), "3").append(("b",), "- 4", "4")

    assert edited.text == "\ufeffa: 3\t# why\nb:\n- 2\t# two\n- 4\n"


def test_an_item_with_a_text_block_becomes_a_comment_alone() -> None:
    edited = OwnFile("a:\n- |\n  text\n\n- 2\n", "f").comment_out(("a", 0), "retired")

    assert edited.text == "a:\n# - |  # retired\n#   text\n\n- 2\n"


NAMES = st.lists(
    st.from_regex(r"[a-z]{1,6}-[0-9]{1,4}\.[0-9]{1,2}0?", fullmatch=True), min_size=1, max_size=6, unique=True
)
NOISE = st.sampled_from(["", "# a comment\n", "\n", "      # - {name: zz-1, channel: canary}\n"])


@given(names=NAMES, noise=st.lists(NOISE, min_size=7, max_size=7), data=st.data())
def test_what_is_added_and_retired_again_leaves_the_document_as_it_was(
    names: list[str], noise: list[str], data: st.DataObject
) -> None:
    items = "".join(f"{noise[n]}  - {{name: {name}, channel: current}}\n" for n, name in enumerate(names))
    doc = OwnFile(f"k: 1592.10\nlist:\n{items}{noise[6]}after: x\n", "f")
    edited = doc.append(("list",), "- {name: new-1.10, channel: canary}", {"name": "new-1.10", "channel": "canary"})

    assert [item["name"] for item in edited.data["list"]] == [*names, "new-1.10"]
    gone = edited.comment_out(("list", len(names)), "retired")
    assert gone.data == doc.data
    assert [line for line in gone.text.splitlines() if "new-1.10" not in line] == doc.text.splitlines()

    index = data.draw(st.integers(0, len(names) - 1))
    moved = doc.set(("list", index, "channel"), "previous")
    assert sum(a != b for a, b in zip(moved.text.splitlines(), doc.text.splitlines(), strict=True)) == 1
