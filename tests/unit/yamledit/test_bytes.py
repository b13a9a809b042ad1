"""Laws of all edits: every byte outside of the value stays, whatever the style of the file."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.yamledit.events import BOM
from lifecycle.yamledit.key_path import Index, Key, KeyPath
from lifecycle.yamledit.list_items import copy_items, remove_items
from lifecycle.yamledit.own_files import NotEditableError
from lifecycle.yamledit.values_file import ValuesFile

NEW = "550.163.01"
SCALARS = st.sampled_from(
    [
        "plain",
        "1592.10",
        "'single'",
        '"double"',
        "",
        "~",
        "!!str tagged",
        "two words",
        "sha256:00",
        '"a\\\n      b"',
        "&x y",
    ]
)
LAST = st.sampled_from(
    [
        "|\n      text",
        "|\n      text\n",
        "|+\n      text\n\n\n",
        "|-\n      text\n\n",
        ">\n      folded\n       text\n\n",
        "|2\n      text\n  \n",
    ]
)
COMMENTS = st.sampled_from(["", "\t# after a tab", "  # after spaces", " #", "\t"])
LINES = st.sampled_from(["", "# a comment\n", "\n", "    # deeper\n", "  \n"])
KEYS = ["a", '"quoted key"', "'single'", "k.dots", "ü"]
NAMES = ["a", "quoted key", "single", "k.dots", "ü"]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return a file: documents, one with a list of items with the keys of KEYS, as people and programs write them."""
    indent = draw(st.sampled_from(["", "  "]))
    item = []
    for number in range(draw(st.integers(1, 3))):
        lines = [f"{indent}- n: {number}{draw(COMMENTS)}\n"]
        for place, key in enumerate(KEYS):
            scalar = draw(SCALARS).replace("&x", f"&x{number}{place}")
            lines.append(f"{indent}  {key}: {scalar}{draw(COMMENTS)}\n")
        lines += [f"{indent}  last: {draw(LAST)}"] if draw(st.booleans()) else []
        whole = "".join(lines)
        item.append(whole if whole.endswith("\n") else f"{whole}\n")
    between = draw(LINES)
    text = f"{draw(LINES)}list:\n{between.join(item)}"
    if draw(st.booleans()):
        text += draw(LINES)
    else:
        text = text.removesuffix("\n")
    text = draw(st.sampled_from(["", "---\n", "%YAML 1.1\n---\n", "first: doc\n---\n"])) + text
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    return f"{draw(st.sampled_from(['', BOM]))}{text}"


def loaded(text: str) -> list[object]:
    """Return the documents of a text with each scalar as its text; None is an empty text."""
    return list(yaml.load_all(text, Loader=yaml.CBaseLoader))


def items_of(text: str) -> list[dict[str, object]]:
    (found,) = [doc["list"] for doc in loaded(text) if isinstance(doc, dict) and "list" in doc]
    return list(found)


@given(text=texts(), data=st.data())
def test_every_byte_around_a_new_value_stays(text: str, data: st.DataObject) -> None:
    file = ValuesFile(text, "f")
    number = data.draw(st.integers(0, len(items_of(text)) - 1))
    path = KeyPath((Key("list"), Index(number), Key(data.draw(st.sampled_from(NAMES)))))
    node = file.node(path)
    after = file.set(path, NEW)

    assert after.text.startswith(text[: node.start])
    assert after.text.endswith(text[node.end :])
    wanted = items_of(text)
    wanted[number][str(path.segments[-1]).strip('"')] = NEW
    assert items_of(after.text) == wanted


@given(text=texts(), data=st.data())
def test_a_copied_item_says_the_same_and_each_line_stays(text: str, data: st.DataObject) -> None:
    file, path, wanted = ValuesFile(text, "f"), KeyPath.parse("list"), items_of(text)
    number = data.draw(st.integers(0, len(wanted) - 1))
    after = copy_items(file, path, {number: {KeyPath.parse("n"): "new"}})

    assert items_of(after.text) == [*wanted[: number + 1], {**wanted[number], "n": "new"}, *wanted[number + 1 :]]
    assert loaded(remove_items(after, path, [number + 1]).text) == loaded(text)
    if text.endswith("\n"):
        assert remove_items(after, path, [number + 1]).text == text


@given(text=texts(), data=st.data())
def test_removed_items_take_their_own_lines_along_only(text: str, data: st.DataObject) -> None:
    file, path, wanted = ValuesFile(text, "f"), KeyPath.parse("list"), items_of(text)
    gone = data.draw(st.sets(st.integers(0, len(wanted) - 1), min_size=1))
    if len(gone) == len(wanted):
        with pytest.raises(NotEditableError):
            remove_items(file, path, gone)
        return

    after = remove_items(file, path, gone)
    assert items_of(after.text) == [item for number, item in enumerate(wanted) if number not in gone]


@given(text=texts(), data=st.data())
def test_several_edits_at_once_are_the_same_as_one_after_the_other(text: str, data: st.DataObject) -> None:
    places = st.tuples(st.integers(0, len(items_of(text)) - 1), st.sampled_from(NAMES))
    wanted = {
        KeyPath((Key("list"), Index(number), Key(name))): f"{NEW}-{name}"
        for number, name in data.draw(st.sets(places, max_size=4))
    }
    single = ValuesFile(text, "f")
    for path, value in wanted.items():
        single = single.set(path, value)

    assert ValuesFile(text, "f").set_all(wanted).text == single.text


def test_a_text_block_at_the_end_of_a_file_keeps_its_text_in_both_items() -> None:
    text = "workers:\n- name: a\n  caBundle: |\n    AAA"
    after = copy_items(ValuesFile(text, "f"), KeyPath.parse("workers"), {0: {KeyPath.parse("name"): "b"}})

    assert after.text == "workers:\n- name: a\n  caBundle: |-\n    AAA\n- name: b\n  caBundle: |\n    AAA"
    assert [w["caBundle"] for w in yaml.safe_load(after.text)["workers"]] == ["AAA", "AAA"]


@pytest.mark.parametrize("after", ["\n", "\n   # deeper\n", "   # deeper\n\n"])
def test_lines_after_a_removed_item_do_not_join_the_text_block_before(after: str) -> None:
    text = f"l:\n- v: |+\n   one\n- v: two\n{after}- v: three\n"

    assert remove_items(ValuesFile(text, "f"), KeyPath.parse("l"), [1]).text == "l:\n- v: |+\n   one\n- v: three\n"


def test_a_block_whose_text_is_indented_itself_is_not_joined_either() -> None:
    text = "list:\n- last: |2\n      text\n- n: 1\n    # deeper\n# below\n"
    after = remove_items(ValuesFile(text, "f"), KeyPath.parse("list"), [1])

    assert after.text == "list:\n- last: |2\n      text\n# below\n"
