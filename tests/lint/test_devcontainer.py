"""The development container runs the commands that the README tells a person to run."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def devcontainer() -> dict[str, object]:
    return dict(json.loads((ROOT / ".devcontainer/devcontainer.json").read_text()))


@pytest.fixture(scope="module")
def build_and_test() -> list[str]:
    """Return the README's two commands: each stands alone in a block."""
    return re.findall(r"```console\n(scripts/setup && .*)\n```", (ROOT / "README.md").read_text())


def test_creating_it_runs_the_first_command(devcontainer: dict[str, object], build_and_test: list[str]) -> None:
    assert len(build_and_test) == 2
    assert devcontainer["postCreateCommand"] == build_and_test[0]


def test_each_start_prepares_both_commands(devcontainer: dict[str, object], build_and_test: list[str]) -> None:
    assert {command.split(" && ")[0] for command in build_and_test} == {devcontainer["postStartCommand"]}


def test_it_is_of_a_debian_release_that_setup_supports(devcontainer: dict[str, object]) -> None:
    assert str(devcontainer["image"]).rpartition(":")[2] in {"bookworm", "trixie"}
