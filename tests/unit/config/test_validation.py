import os
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from lifecycle.config.component import Channel
from lifecycle.config.image_versions import load_image_versions
from lifecycle.config.schema import Model, formed
from lifecycle.config.validation import read_text, validate
from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.reader import read_yaml


class Leaf(Model):
    file_name: Annotated[str, Field(min_length=1), formed(r"[a-z]+", "a word: write small letters")] = "x"
    channel: Channel = Channel.CURRENT
    count: int = 0


class Tree(Model):
    leaves: list[Leaf] = Field(default=[], min_length=1)
    by_name: dict[str, Leaf] = {}
    leaf: Leaf | None = None
    by_number: dict[Annotated[str, formed(r"\d+", "a number: write digits")], str] = {}


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        validate(Tree, read_yaml(text, file="f.yaml"))
    return list(caught.value.problems)


def test_what_is_right_is_the_model() -> None:
    read = validate(Tree, read_yaml("leaves: [{fileName: a, count: 12}]\nbyName: {b: {}}\n", file="f.yaml"))

    assert read == Tree(leaves=[Leaf(file_name="a", count=12)], by_name={"b": Leaf()})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("leaves: []", "f.yaml:1:1: leaves: must not be empty"),
        ("leaves:", "f.yaml:1:1: leaves: expected a list, found nothing"),
        ("leaves: x", "f.yaml:1:1: leaves: expected a list, found 'x'"),
        ("leaf: x", "f.yaml:1:1: leaf: expected keys with values, found 'x'"),
        ("leaves: [x]", "f.yaml:1:10: leaves[0]: expected keys with values, found 'x'"),
        ("byName: [x]", "f.yaml:1:1: byName: expected keys with values, found ['x']"),
        ("leaf: {fileName: ''}", "f.yaml:1:8: leaf.fileName: must not be empty"),
        ("leaf: {fileName: A}", "f.yaml:1:8: leaf.fileName: 'A' is not a word: write small letters"),
        ("leaf: {fileName: }", "f.yaml:1:8: leaf.fileName: input should be a valid string, found nothing"),
        (
            "leaf: {count: many}",
            "f.yaml:1:8: leaf.count: input should be a valid integer, unable to parse string as an integer, found 'many'",
        ),
        (
            "leaf: {channel: beta}",
            "f.yaml:1:8: leaf.channel: expected 'previous', 'current' or 'canary', found 'beta'",
        ),
        ("leaf: {filename: a}", "f.yaml:1:8: leaf.filename: unknown key; did you mean 'fileName'?"),
        ("leafs: []", "f.yaml:1:1: leafs: unknown key; did you mean 'leaf'?"),
        ("zzz: []", "f.yaml:1:1: zzz: unknown key: remove it"),
        ("byNumber: {1: a, x: b}", "f.yaml:1:18: byNumber.x: 'x' is not a number: write digits"),
        ("byName: {a b: {zzz: 1}}", "f.yaml:1:16: byName.a b.zzz: unknown key: remove it"),
    ],
)
def test_a_problem_is_one_sentence_with_place_key_and_remedy(text: str, said: str) -> None:
    assert problems(text) == [said]


def test_problems_are_in_the_order_of_lines_as_numbers() -> None:
    text = "leaves:\n" + "".join(f"  - {{zzz{number}: 1}}\n" for number in range(12))

    assert problems(text) == [
        f"f.yaml:{number + 2}:6: leaves[{number}].zzz{number}: unknown key: remove it" for number in range(12)
    ]


def test_a_file_is_read_as_utf_8(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes("ü\n".encode())

    assert read_text(tmp_path / "f") == "ü\n"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "image_versions").write_bytes(b"\xef\xbb\xbfRUNTIME=bootstrap:debian-13\r\n")

    assert load_image_versions(tmp_path / "image_versions").runtime().release == "debian-13"


def test_a_pipe_or_a_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ConfigurationError, match=f"{path}: cannot be read: it is not a file: name another one"):
            read_text(path)


def test_a_file_larger_than_any_configuration_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigurationError, match="f: the file has more than 67,108,864 bytes: name another one"):
        read_text(tmp_path / "f")


def test_a_long_value_is_shown_by_its_beginning() -> None:
    (problem,) = problems(f"leaf: {{fileName: {'A' * 5_000}}}")

    assert problem == f"f.yaml:1:8: leaf.fileName: '{'A' * 79}… is not a word: write small letters"


def test_what_is_not_utf_8_is_refused_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc\xff")
    with pytest.raises(ConfigurationError, match=f"{tmp_path}/f: not UTF-8 text: invalid start byte at byte 3"):
        read_text(tmp_path / "f")


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"{tmp_path}/f: no such file: run from a checkout"):
        read_text(tmp_path / "f")
    with pytest.raises(ConfigurationError, match=f"{tmp_path}: cannot be read: it is not a file"):
        read_text(tmp_path)
