import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.reader import Document, read_yaml

words = st.text(max_size=8)
trees = st.recursive(
    words, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)


def read(text: str) -> Document:
    return read_yaml(text, file="f.yaml")


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return caught.value.problems


@pytest.mark.parametrize(
    "scalar", ["1592.10", "535.10", "007", "1e3", "0x10", "yes", "2024-01-01", "12:30:45", "1_000", "true", ".5"]
)
def test_a_plain_scalar_keeps_its_text(scalar: str) -> None:
    assert read(f"a: {scalar}\n{scalar}: [{scalar}]\n").data == {"a": scalar, scalar: [scalar]}


@pytest.mark.parametrize("nothing", ["", "~", "null"])
def test_nothing_is_none(nothing: str) -> None:
    assert read(f"a: {nothing}\n").data == {"a": None}


def test_a_quoted_null_is_a_text() -> None:
    assert read("a: 'null'\nb: \"\"\n").data == {"a": "null", "b": ""}


@given(st.dictionaries(words, trees, min_size=1, max_size=4))
def test_what_is_written_as_texts_is_read_as_texts(data: dict[str, object]) -> None:
    assert read(yaml.safe_dump(data, default_style='"', allow_unicode=True)).data == data


def test_every_key_and_entry_knows_its_place() -> None:
    text = "a: 1\nb:\n  - c: x\n    d: [y, z]\n"

    assert read(text).positions == {
        (): (1, 1),
        ("a",): (1, 1),
        ("b",): (2, 1),
        ("b", 0): (3, 5),
        ("b", 0, "c"): (3, 5),
        ("b", 0, "d"): (4, 5),
        ("b", 0, "d", 0): (4, 9),
        ("b", 0, "d", 1): (4, 12),
    }


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (("b", 0, "d", 1), "f.yaml:4:12"),
        (("b", 0, "missing"), "f.yaml:3:5"),
        (("b", "a validator's label", 0, "d"), "f.yaml:4:5"),
        (("missing",), "f.yaml:1:1"),
        ((), "f.yaml:1:1"),
    ],
)
def test_what_is_not_in_the_file_is_placed_at_what_holds_it(path: tuple[str | int, ...], where: str) -> None:
    assert read("a: 1\nb:\n  - c: x\n    d: [y, z]\n").where(path) == where


def test_all_duplicate_and_merge_keys_are_said_at_once_at_any_depth() -> None:
    text = "a: &x {b: 1, b: 2}\nc:\n  - {<<: *x, d: 1}\na: 3\n"

    assert problems(text) == (
        "f.yaml:1:14: duplicate key 'b': remove one of them",
        "f.yaml:3:6: merge keys (`<<`) are not supported here: write the keys out",
        "f.yaml:4:1: duplicate key 'a': remove one of them",
    )


def test_an_alias_is_read_as_what_it_stands_for() -> None:
    assert read("a: &x [1]\nb: *x\n").data == {"a": ["1"], "b": ["1"]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\nb: 2\n", "f.yaml:2:2: not well-formed YAML: "),
        ("a: 1\n\tb: 2\n", "f.yaml:2:1: not well-formed YAML: "),
        ("a: *nowhere\n", "f.yaml:1:4: not well-formed YAML: "),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: not well-formed YAML: "),
        ("ü: ü\nb: 1\nc: \x07\n", "f.yaml:3: not well-formed YAML: "),
        ("", "f.yaml: the file is empty: "),
        ("text", "f.yaml:1:1: expected keys with values, found a single value: "),
        ("[a]", "f.yaml:1:1: expected keys with values, found a list: "),
        ("? {a: 1}\n: b\n", "f.yaml:1:3: a list or a mapping cannot be a key: "),
        ("a: &a [*a]\n", "f.yaml:1:4: it contains an alias (`*`) of itself: "),
    ],
)
def test_what_cannot_be_read_is_one_problem_with_its_place(text: str, said: str) -> None:
    (problem,) = problems(text)

    assert problem.startswith(said)
    assert len(problem.splitlines()) == 1
