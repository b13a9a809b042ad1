"""Files that would take all memory, all time or the process."""

import pytest

from lifecycle.errors import ConfigurationError
from lifecycle.tools.yaml_limits import YamlLimits, check_limits
from lifecycle.yamledit.reader import read_yaml

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def problem(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(text, file="f.yaml")
    (found,) = caught.value.problems
    return found


@pytest.mark.parametrize("depth", [51, 1_000, 100_000])
@pytest.mark.parametrize(("one", "column"), [("[", 55), ("{a: ", 202), ("- ", 105)])
def test_a_text_that_is_nested_too_deep_is_one_sentence(depth: int, one: str, column: int) -> None:
    found = problem("a:\n  " + one * depth)

    assert found.startswith("f.yaml:2:")
    assert found.endswith(": more than 50 levels of nesting: write it flatter")
    assert int(found.split(":")[2]) <= column


def test_a_text_within_the_levels_is_read() -> None:
    assert read_yaml("a: " + "[" * 49 + "]" * 49, file="f.yaml").data


def test_aliases_count_as_what_they_stand_for() -> None:
    assert problem(LAUGHS) == (
        "f.yaml:6:20: more than 100,000 keys and values, with aliases (`*`) written out: shorten the file"
    )


def test_an_alias_of_an_open_collection_is_no_endless_file() -> None:
    check_limits("a: &a [*a, *a]\n", file="f.yaml")


def test_a_file_of_very_many_keys_is_one_sentence() -> None:
    text = "".join(f"key{number}: 1\n" for number in range(70_000))

    assert problem(text).startswith("f.yaml:50000:11: more than 100,000 keys and values")


def test_a_file_of_five_megabytes_is_refused_unread() -> None:
    assert problem("k: 1\n" * 1_000_000) == (
        "f.yaml: the file has 5,000,000 characters, more than 1,048,576: restore it from git"
    )


@pytest.mark.parametrize("limits", [YamlLimits(depth=1), YamlLimits(nodes=3), YamlLimits(size=8)])
def test_each_limit_can_be_set(limits: YamlLimits) -> None:
    with pytest.raises(ConfigurationError):
        check_limits("a: [1, 2]\n", file="f.yaml", limits=limits)
