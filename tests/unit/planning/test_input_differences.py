"""Tests of the texts that describe differences between the inputs of two targets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.planning.targets import changed_inputs

inputs = st.dictionaries(
    st.text(max_size=3), st.text(max_size=3) | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=6)
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({"a": "1"}, {"a": "1"}, []),
        ({"a": "1"}, {"a": "2"}, ["a changed"]),
        ({"a": "1"}, {}, ["a changed"]),
        ({}, {"b": "1", "a": "1"}, ["a changed", "b changed"]),
        ({"p": {"gcc=1": "x"}}, {"p": {"gcc=2": "y"}}, ["p: gcc=1 -> gcc=2"]),
        ({"p": {}}, {"p": {"gcc=2": "y"}}, ["p: nothing -> gcc=2"]),
        ({"p": {"gcc=1": "x"}}, {"p": {}}, ["p: gcc=1 -> nothing"]),
        ({"p": {"gcc=1": "x"}}, {"p": {"gcc=1": "y"}}, ["p: gcc=1 changed"]),
        (
            {"p": {"a": "1", "b": "1", "c": "1"}},
            {"p": {"a": "1", "b": "2", "d": "1"}},
            ["p: c -> d, b changed"],
        ),
        (
            {"p": dict.fromkeys("fedcba", "1")},
            {"p": dict.fromkeys("fedcba", "2")},
            ["p: a b c d and 2 more changed"],
        ),
        ({"p": dict.fromkeys("abcde", "1")}, {"p": {"z": "1"}}, ["p: a b c d and 1 more -> z"]),
        ({"p": {"a": "1"}}, {"p": "sha256"}, ["p changed"]),
        ({"p": ["a"]}, {"p": ["a", "b"]}, ["p changed"]),
        ({"format": 1}, {"format": 2}, ["format: 1 -> 2"]),
        ({}, {"format": 1}, ["format: none -> 1"]),
        ({"format": 1}, {}, ["format changed"]),
    ],
)
def test_what_differs_is_said_in_few_words(old: dict[str, object], new: dict[str, object], said: list[str]) -> None:
    assert changed_inputs(old, new) == said


@given(inputs, inputs)
def test_something_is_said_exactly_where_something_differs(old: dict[str, object], new: dict[str, object]) -> None:
    assert bool(changed_inputs(old, new)) is (old != new)
    assert changed_inputs(old, old) == []
