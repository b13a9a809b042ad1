"""The values file of `invoke manifests --values`."""

from pathlib import Path

import pytest

from lifecycle.errors import ConfigurationError
from lifecycle.kubernetes.manifests import BadValuesFileError, read_values_file


def read(folder: Path, text: str) -> object:
    path = folder / "values.yaml"
    path.write_text(text)
    return read_values_file(str(path))


@pytest.mark.parametrize("text", ["2024-13-45", "2024-12-24", "2001-12-14t21:59:43.10-05:00"])
def test_a_date_is_a_text_as_it_is_for_helm(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, f"day: {text}\nnumber: 12\n") == {"day": text, "number": 12}


@pytest.mark.parametrize("text", ["a: !!int x\n", "a: !!timestamp x\n", "a: !!float []\n", "a: !!bool perhaps\n"])
def test_a_tag_before_another_kind_of_value_is_one_sentence(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        BadValuesFileError, match=r"values\.yaml: .*: write keys of the chart's values\.yaml below k8s/$"
    ):
        read(tmp_path, text)


def test_malformed_yaml_is_said_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadValuesFileError, match=r"values\.yaml:2:\d+: not well-formed YAML"):
        read(tmp_path, "a: 1\nb: ]\n")


def test_a_control_character_is_said_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadValuesFileError, match=r"values\.yaml:2: not well-formed YAML"):
        read(tmp_path, "üüüüüüüüüüüü: 1\nb: \x01\n")


def test_a_values_file_is_within_the_limits(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="it is more than 100 levels deep"):
        read(tmp_path, "a: " + "[" * 100_000)


def test_a_missing_file_is_named_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(
        BadValuesFileError, match=r"^--values .*/none\.yaml: there is no such file: write keys of the chart"
    ):
        read_values_file(str(tmp_path / "none.yaml"))
