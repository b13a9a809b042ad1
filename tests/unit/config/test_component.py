import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from lifecycle.config.component import Component, Exclusion, load_component
from lifecycle.config.costs import Costs
from lifecycle.config.lock import Lock
from lifecycle.config.patches import PatchSeries
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.errors import ConfigurationError
from tests.support.builders.projects import COMPONENT, component, problems


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"component\.yaml: no such file: run from a checkout, or restore it from git"
    ):
        load_component(tmp_path / "component.yaml")


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_says_so(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, text)

    assert re.match(r"component\.yaml(:1:1)?: (the file is empty|expected keys with values)", problem)


def test_ill_formed_yaml_names_line_and_column(tmp_path: Path) -> None:
    assert problems(tmp_path, "name: x\nimage: {registry: y\n")[0].startswith(
        "component.yaml:3:1: not well-formed YAML: "
    )


def test_a_file_that_is_a_list_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "- a\n- b\n") == [
        "component.yaml:1:1: expected keys with values, found a list: write `key: value` lines"
    ]


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "component.yaml"
    path.write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigurationError, match="not UTF-8 text"):
        load_component(path)


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        COMPONENT.replace("version: 1.2.3", "version: 1.2")
        .replace("channel: previous", "chanel: previous")
        .replace("    - 550.163.01\n", "    - v550\n")
        .replace("moduleType: [proprietary, open]", "moduleType: [closed]")
    )

    assert problems(tmp_path, text) == [
        "component.yaml:2:1: version: '1.2' is not a version: write three numbers with dots, such as 1.0.0",
        "component.yaml:6:7: context.releases[0].channel: this key is missing: add it",
        "component.yaml:6:21: context.releases[0].chanel: unknown key; did you mean 'channel'?",
        "component.yaml:10:7: context.driverVersion[1]: 'v550' is not a driver version: write a branch such as '535' "
        "(its newest) or an exact version such as 535.309.01",
        "component.yaml:11:16: context.moduleType[0]: expected 'proprietary' or 'open', found 'closed'",
    ]


@pytest.mark.parametrize("model", [Component, Lock, Costs, PatchSeries])
def test_no_message_shows_a_regular_expression(model: type[BaseModel]) -> None:
    assert '"pattern"' not in json.dumps(model.model_json_schema())


def test_a_key_or_value_with_a_control_character_is_shown_escaped(tmp_path: Path) -> None:
    text = COMPONENT.replace("suite: old", 'suite: "o\\0ld"').replace("channel: current", '"chan\\e[2J": current')

    assert problems(tmp_path, text) == [
        r"component.yaml:7:21: context.releases[1].chan\x1b[2J: 'chan\x1b[2J' has a control character: remove it",
        r"component.yaml:19:40: sources.releases.old-1.repositories[0].suite: 'o\x00ld' has a control character: remove it",
    ]


def test_a_conflict_marker_is_named_before_anything_else(tmp_path: Path) -> None:
    assert problems(tmp_path, COMPONENT.replace("    - 535\n", "<<<<<<< HEAD\n    - 535\n=======\n")) == [
        "component.yaml:9:1: git's conflict marker <<<<<<<: resolve the conflict, and remove the lines that git added"
    ]


def test_very_many_unknown_keys_are_counted_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "component.yaml"
    path.write_text(COMPONENT + "".join(f"zzz{number}: 1\n" for number in range(3_000)))
    with pytest.raises(ConfigurationError) as caught:
        load_component(path)

    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert (lines[0], lines[-1]) == ("component.yaml:33:1: zzz0: unknown key: remove it", "and 2,980 more problems")


@pytest.mark.parametrize("version", ["550.x", "v535", "5", "535.", "535.1", "newest", "1592.10"])
def test_an_impossible_driver_version_is_refused_with_the_remedy(tmp_path: Path, version: str) -> None:
    (problem,) = problems(tmp_path, COMPONENT.replace("    - 550.163.01\n", f"    - {version}\n"))

    assert f"'{version}' is not a driver version: write a branch such as '535'" in problem


def test_an_unknown_key_with_no_like_is_to_be_removed(tmp_path: Path) -> None:
    assert problems(tmp_path, COMPONENT + "zzz: 1\n") == ["component.yaml:33:1: zzz: unknown key: remove it"]


def test_a_duplicate_key_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, COMPONENT + "name: again\n") == [
        "component.yaml:33:1: duplicate key 'name': remove one of them"
    ]


def test_merge_keys_are_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, "a: &a {b: 1}\nc: {<<: *a}\n") == [
        "component.yaml:2:5: merge keys (`<<`) are not supported here: write the keys out"
    ]


def test_entries_that_stand_twice_are_refused(tmp_path: Path) -> None:
    text = COMPONENT.replace("    - 550.163.01\n", "    - 535\n").replace("name: new-2", "name: old-1")

    assert problems(tmp_path, text.replace("[amd64]", "[amd64, amd64]")) == [
        "component.yaml:7:8: context.releases[1].name: duplicate 'old-1': remove one of them",
        "component.yaml:10:7: context.driverVersion[1]: duplicate '535': remove one of them",
        "component.yaml:12:25: context.architecture[1]: duplicate 'amd64': remove one of them",
    ]


def test_a_release_or_driver_without_a_source_is_named(tmp_path: Path) -> None:
    text = COMPONENT.replace("    - 535\n", "    - 470\n").replace("name: old-1", "name: odd-1")

    assert problems(tmp_path, text.replace("packages, release: old-1", "packages, release: lost-1")) == [
        "component.yaml:6:8: context.releases[0].name: no source for release 'odd-1': add it under sources.releases, "
        "or remove it",
        "component.yaml:9:7: context.driverVersion[0]: no source for driver '470': add its branch under sources.drivers, "
        "or remove it",
        "component.yaml:24:27: sources.drivers.535.release: no source for release 'lost-1': add it under "
        "sources.releases, or name another one",
    ]


def test_an_exclusion_that_excludes_everything_is_refused(tmp_path: Path) -> None:
    text = COMPONENT.replace(
        "{driverVersion: 535, moduleType: open, reason: there are no open modules of it}", "{reason: just because}"
    )

    assert "context.exclude[0]: excludes everything: name a driverVersion" in problems(tmp_path, text)[0]


def test_a_range_that_is_none_is_refused(tmp_path: Path) -> None:
    text = COMPONENT.replace("{driverVersion: 535, moduleType: open,", "{kernel: 6.1.x,")

    assert (
        "context.exclude[0].kernel: '6.1.x' is not a range: write an operator and a version"
        in problems(tmp_path, text)[0]
    )


def test_versions_keep_their_text() -> None:
    read = component(("old-1, channel", "old-1, kernel: 6.10, channel"), ("    - 550.163.01", "    - 550.10"))

    assert read.context.releases[0].kernel == "6.10"
    assert read.context.driver_version == ["535", "550.10"]


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ({"driver_version": "550"}, True),
        ({"driver_version": "550.163.01"}, True),
        ({"driver_version": "550.*"}, True),
        ({"driver_version": "55"}, False),
        ({"module_type": "open"}, True),
        ({"module_type": "proprietary"}, False),
        ({"kernel": ">=6.1.190,<6.2"}, True),
        ({"kernel": ">=6.12"}, False),
        ({"driver_version": "550", "kernel": ">=6.12"}, False),
        ({"kernel_release": "6.1.0-56-cloud-amd64"}, True),
        ({"kernel_release": "6.1.0-56-amd64"}, False),
        ({"kernel_release": "6.1.0-56-cloud-amd64", "kernel": ">=6.12"}, False),
    ],
)
def test_an_exclusion_holds_where_all_of_its_keys_do(rule: dict[str, str], matches: bool) -> None:
    exclusion = Exclusion.model_validate({**rule, "reason": "known not to work"})
    found = exclusion.matches(
        driver="550.163.01",
        module_type=ModuleType.OPEN,
        kernel="6.1.192",
        kernel_release="6.1.0-56-cloud-amd64",
        architecture=Architecture.AMD64,
    )

    assert found is matches


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ("nvidia-foo: {a: 1}", "moduleParameters.nvidia-foo"),
        ("nvidia: {a b: 1}", "moduleParameters.nvidia.a b"),
        ("nvidia: {a: 1 2}", "moduleParameters.nvidia.a"),
        ("nvidia: [a=1]", "moduleParameters.nvidia"),
    ],
)
def test_a_parameter_that_no_module_takes_is_named(tmp_path: Path, parameters: str, problem: str) -> None:
    found = problems(tmp_path, f"{COMPONENT}moduleParameters:\n  {parameters}\n")

    assert len(found) == 1
    assert re.match(rf"component\.yaml:34:\d+: {re.escape(problem)}\b", found[0])
