"""Values at places that other tools leave empty."""

import pytest

from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.own_files import NotEditableError
from lifecycle.yamledit.values_file import ValuesFile

TAG = KeyPath.parse("image.tag")


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("image: {tag: , x: 1}\n", 'image: {tag:  "2.0", x: 1}\n'),
        ("image: {x: 1, tag: }\n", 'image: {x: 1, tag:  "2.0"}\n'),
        ("image:\n  tag:   # none\n", 'image:\n  tag: "2.0"   # none\n'),
    ],
)
def test_an_empty_place_gets_a_value(text: str, edited: str) -> None:
    assert ValuesFile(text, "v.yaml").set(TAG, "2.0").text == edited


@pytest.mark.parametrize("text", ["image: {tag, x: 1}\n", "image: !!set {tag}\n"])
def test_a_key_without_a_colon_has_no_place_for_a_value(text: str) -> None:
    with pytest.raises(
        NotEditableError, match=r"v\.yaml:1: `image\.tag` has no place for a value: write a colon after"
    ):
        ValuesFile(text, "v.yaml").set(TAG, "2.0")
