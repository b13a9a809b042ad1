"""YAML that takes a reader minutes or all memory."""

import pytest
import yaml

from lifecycle.errors import ConfigurationError
from lifecycle.yamledit.events import read_stream
from lifecycle.yamledit.limits import Limits, NoLibyamlError, YamlLimitError, check_limits, limited_events
from lifecycle.yamledit.reader import read_yaml

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[" * 1_000, "f.yaml:1:101: it is more than 100 levels deep: ", id="lists"),
        pytest.param("{a: " * 100_000, "f.yaml:1:401: it is more than 100 levels deep: ", id="mappings"),
        pytest.param("".join(f"{' ' * n}a:\n" for n in range(1_000)), "f.yaml:101:101: it is more than 100 ", id="lines"),
        pytest.param("- " * 100_000, "f.yaml:1:201: it is more than 100 levels deep: ", id="dashes"),
        pytest.param(LAUGHS, "f.yaml:5:29: its aliases (`*`) stand for more than 100,000 values: ", id="laughs"),
        pytest.param("unknown: value\n" * 350_000, "f.yaml: it has 5,250,000 characters, and at most ", id="5 MB"),
        pytest.param("-\n" * 300_000, "f.yaml:200000:2: it has more than 200,000 keys and values: ", id="items"),
        pytest.param("---\n" * 300_000, "it has more than 200,000 keys and values: ", id="documents"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_in_one_sentence(text: str, message: str) -> None:
    with pytest.raises(YamlLimitError) as caught:
        check_limits(text, file="f.yaml")

    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_deep_file_is_refused_before_all_of_it_is_read() -> None:
    limits = Limits(depth=3)
    with pytest.raises(YamlLimitError, match="f:1:4: it is more than 3 levels deep"):
        list(limited_events("[" * 100_000, file="f", limits=limits))

    events = limited_events("[[[x]]]", file="f", limits=limits)
    assert sum(isinstance(event, yaml.ScalarEvent) for event in events) == 1


def test_the_reader_of_values_files_has_the_limits() -> None:
    with pytest.raises(ConfigurationError, match="levels deep"):
        read_stream("[" * 1_000, file="f.yaml")


@pytest.mark.parametrize("limits", [Limits(depth=1), Limits(nodes=3), Limits(characters=8), Limits(repeated=1)])
def test_each_limit_can_be_set(limits: Limits) -> None:
    with pytest.raises(YamlLimitError):
        check_limits("a: [&x [1, 2], *x]\n", file="f.yaml", limits=limits)


@pytest.mark.parametrize("depth", [101, 1_000, 100_000])
@pytest.mark.parametrize("one", ["[", "{a: ", "- "])
def test_the_reader_of_configuration_has_the_limits(depth: int, one: str) -> None:
    with pytest.raises(YamlLimitError, match=r"^f\.yaml:2:.*it is more than 100 levels deep: flatten it"):
        read_yaml("a:\n  " + one * depth, file="f.yaml")


def test_an_alias_of_itself_is_counted_once() -> None:
    check_limits("a: &a [*a, *a]\n", file="f")


def test_malformed_yaml_is_left_to_its_reader() -> None:
    check_limits("a: [", file="f")


def test_a_build_without_libyaml_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", False)

    with pytest.raises(NoLibyamlError, match="built without libyaml\nInstall its wheel: pip install "):
        read_stream("a: 1", file="f")
