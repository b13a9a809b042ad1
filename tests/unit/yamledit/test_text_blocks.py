"""Values inside text blocks (`|`) that are YAML themselves, as in an Argo CD Application (argo-cd#8850)."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.list_items import items
from lifecycle.yamledit.own_files import NotEditableError
from lifecycle.yamledit.values_file import ValuesFile

TEXT = """\
spec:
  helm:
    values: |{indicator}
        # The image.

        image:
          tag: "1.0"  # keep
          repository: r
        list: [a, {{b: c}}]
        nothing:
        more: |
          deep: 1
    after: x
"""
PATHS = ["image.tag", "image.repository", "list[0]", "list[1].b", "nothing", "more.deep"]


def written(indicator: str = "", newline: str = "\n", *, end: bool = True) -> str:
    text = TEXT.format(indicator=indicator)
    text = text if end else text.removesuffix("    after: x\n").removesuffix("\n")
    return text.replace("\n", newline)


def path(inside: str) -> KeyPath:
    return KeyPath.parse(f"spec.helm.values.{inside}")


@given(
    inside=st.sampled_from(PATHS),
    value=st.from_regex(r"[A-Za-z0-9 .:#'\"{}\[\]-]{0,12}", fullmatch=True),
    indicator=st.sampled_from(["", "-", "+", " # why", "4"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    end=st.booleans(),
)
def test_a_value_inside_is_set_and_one_line_changes(
    *, inside: str, value: str, indicator: str, newline: str, end: bool
) -> None:
    before = written(indicator, newline, end=end)
    after = ValuesFile(before, "f").set(path(inside), value)
    changed = [(a, b) for a, b in zip(before.split(newline), after.text.split(newline), strict=True) if a != b]

    assert after.get(path(inside)) == value
    assert len(changed) <= 1


def test_another_reader_finds_the_value_in_the_text() -> None:
    after = ValuesFile(written(), "f").set_all({path("image.tag"): "2.0", path("list[1].b"): "x, y"})
    inner = yaml.safe_load(yaml.safe_load(after.text)["spec"]["helm"]["values"])

    assert inner["image"] == {"tag": "2.0", "repository": "r"}
    assert inner["list"] == ["a", {"b": "x, y"}]
    assert '          tag: "2.0"  # keep\n' in after.text


def test_a_key_that_the_text_lacks_is_named_with_those_it_has() -> None:
    assert ValuesFile(written(), "f").get(path("image.digest")) is None
    with pytest.raises(Exception, match=r"`spec.helm.values.image` has tag, repository; add it there"):
        ValuesFile(written(), "f").set(path("image.digest"), "x")


def test_a_list_inside_is_told_to_be_written_outside() -> None:
    with pytest.raises(NotEditableError, match=r"f:9: .* it is inside a text block: write it as YAML outside"):
        items(ValuesFile(written(), "f"), path("list"))


def test_the_text_block_itself_is_not_replaced() -> None:
    with pytest.raises(NotEditableError, match=r"f:3: .*, or name a key inside the text block: `spec.helm.values.key`"):
        ValuesFile(written(), "f").set(KeyPath.parse("spec.helm.values"), "x")
