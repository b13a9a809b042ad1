"""Paths that lead to no place, or to several: each kind has its own words."""

import pytest

from lifecycle.errors import UsageError
from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.lookup_errors import AmbiguousKeyError, DoubledKeyError, MissingKeyError, UnreachableKeyError
from lifecycle.yamledit.values_file import TwoValuesError, ValuesFile

SHOOTS = """\
kind: Shoot
metadata: {name: a, labels: {"example.org/team": x}}
spec: {v: 1}
---
kind: Shoot
metadata: {name: b}
spec: {v: 2}
"""
SHARED = """\
base: &base {registry: r}
items:
- <<: *base
  name: merged
- <<: [*base]
  name: listed
alias: *base
loop: &loop {<<: *loop}
unknown: *nowhere
"""
KINDS = """\
text: |
  {{ .image }} {{
prose: >-
  a: b
quoted: "a: b\\nc: d"
single: 1.2.3
nothing:
list: [{name: x}]
"""


def refused(text: str, path: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        ValuesFile(text, "f.yaml").set(KeyPath.parse(path), "new")
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


@pytest.mark.parametrize(
    "selector", ["[metadata.name=b]", "[kind=Shoot,metadata.name=b]", '[metadata.name="b", kind = Shoot]']
)
def test_a_nested_selector_tells_two_documents_apart(selector: str) -> None:
    after = ValuesFile(SHOOTS, "f").set(KeyPath.parse(f"{selector}.spec.v"), "9")

    assert after.text == SHOOTS.replace("v: 2", "v: 9")


def test_a_quoted_name_in_a_selector_may_contain_dots() -> None:
    path = KeyPath.parse('[metadata.labels."example.org/team"=x].spec.v')

    assert ValuesFile(SHOOTS, "f").get(path) == "1"


def test_a_selector_matches_a_key_that_contains_dots_itself() -> None:
    path = KeyPath.parse("l[app.kubernetes.io/name=x].v")

    assert ValuesFile("l:\n- {app.kubernetes.io/name: x, v: 1}\n", "f").get(path) == "1"


def test_a_nested_selector_reaches_the_items_of_a_list() -> None:
    text = "items:\n- {kind: Shoot, metadata: {name: a}, v: 1}\n- {kind: Shoot, metadata: {name: b}, v: 2}\n"

    assert ValuesFile(text, "f").get(KeyPath.parse("items[kind=Shoot,metadata.name=b].v")) == "2"


def test_a_selector_reads_through_aliases_and_merge_keys() -> None:
    text = "n: &n one\nbase: &base {kind: gpu}\nl:\n- {name: *n, <<: *base, v: 1}\n- {name: two, v: 2}\n"

    assert ValuesFile(text, "f").get(KeyPath.parse("l[name=one,kind=gpu].v")) == "1"


def test_two_documents_are_told_apart_by_a_selector_to_copy() -> None:
    error = refused(SHOOTS, "spec.v")
    suggested = str(error).rpartition("as in ")[2]

    assert isinstance(error, AmbiguousKeyError)
    assert suggested == "[kind=Shoot,metadata.name=a].spec.v"
    assert ValuesFile(SHOOTS, "f").set(KeyPath.parse(suggested), "9").text == SHOOTS.replace("v: 1", "v: 9")


@pytest.mark.parametrize(
    ("text", "path", "error", "message"),
    [
        (SHOOTS, "[kind=Shoot].spec.v", AmbiguousKeyError, "matches lines 3 and 7: select a document, as in [kind=Sho"),
        (SHOOTS, "[kind=Seed].spec.v", MissingKeyError, "no document matches `[kind=Seed]`: the file has kind=Shoot,me"),
        ("l:\n- {n: a, v: 1}\n- {n: a, v: 2}\n", "l[n=a].v", AmbiguousKeyError, "matches lines 2 and 3: select one item"),
        ("a:\n  t: 1\n  t: 2\n", "a.t", DoubledKeyError, "the key `a.t` is on lines 2 and 3 of one mapping, and rea"),
        ("a:\n- {t: 1}\na: []\n", "a[0].t", DoubledKeyError, "the key `a` is on lines 1 and 3 of one mapping"),
        ("a: {t: 1}\na: {u: 2}\n", "a.t", DoubledKeyError, "the key `a` is on lines 1 and 2 of one mapping"),
        (SHARED, "alias.registry", UnreachableKeyError, "f.yaml:7: `alias.registry` cannot be edited: `alias` is an al"),
        (SHARED, "alias.registry", UnreachableKeyError, "alias of &base on line 1: set `base.registry`, which changes"),
        (SHARED, "items[name=merged].registry", UnreachableKeyError, "only from its merge key (`<<`), of &base on line 1:"),
        (SHARED, "items[name=listed].registry", UnreachableKeyError, "set `base.registry`, which changes all its uses, or"),
        (SHARED, "loop.x", MissingKeyError, "`loop` has <<"),
        (SHARED, "unknown.x", UnreachableKeyError, "is an alias of &nowhere, which the file does not define"),
        (KINDS, "text.image", UnreachableKeyError, "f.yaml:1: `text.image` cannot be edited: `text` is a text block (`|`)"),
        (KINDS, "prose.a", UnreachableKeyError, "`prose` is folded text (`>`): make it a literal text block"),
        (KINDS, "quoted.a", UnreachableKeyError, "`quoted` is text within quotes: make it a literal text block"),
        (KINDS, "single.a", UnreachableKeyError, "`single` is a single value, '1.2.3': correct the path"),
        (KINDS, "nothing.a", UnreachableKeyError, "`nothing` has no value: write its keys below it"),
        (KINDS, "list.name", MissingKeyError, "`list` is a list with x: select an item by its number or a value"),
        ("a: {b: 1}\n", "a[0]", MissingKeyError, "`a` is a mapping, not a list, with b"),
        ("? [x]\n: 1\nb: 2\n", "c", MissingKeyError, "the document has b; add it"),
        ("# nothing\n", "a", MissingKeyError, "the file has no document"),
    ],
)  # fmt: skip
def test_each_obstacle_has_its_own_words(text: str, path: str, error: type[UsageError], message: str) -> None:
    found = refused(text, path)

    assert type(found) is error
    assert message in str(found)


def test_of_many_keys_the_similar_ones_and_a_few_others_are_named() -> None:
    text = "".join(f"key{number}: 1\n" for number in range(5_000)) + "installerTag: 1\n"
    message = str(refused(text, "installerTga"))

    assert "the document has installerTag, key0, key1" in message
    assert "4989 more" in message


def test_two_paths_to_one_place_agree_or_are_refused() -> None:
    file, one, other = ValuesFile("l:\n- {n: a, v: 1}\n", "f"), KeyPath.parse("l[0].v"), KeyPath.parse("l[n=a].v")

    assert file.set_all({one: "2", other: "2"}).text == "l:\n- {n: a, v: 2}\n"
    with pytest.raises(TwoValuesError, match=r"f:2: `l\[0\].v` and `l\[n=a\].v` are the same place and get different"):
        file.set_all({one: "2", other: "3"})
