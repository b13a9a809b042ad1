"""What `invoke` imports before it knows which task is asked for."""

import subprocess
import sys

import pytest

from tests.unit.builders import ROOT

# Together they were four fifths of the start of `invoke`.
HEAVY = ("docker", "elftools", "httpx", "keystoneauth1", "pydantic", "requests", "rich", "swiftclient", "zstandard")


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """All modules that are there once the tasks are declared."""
    code = "import sys, tasks; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split())


@pytest.mark.parametrize("name", HEAVY)
def test_a_command_line_is_parsed_without(imported: set[str], name: str) -> None:
    assert name not in imported


def test_a_command_line_is_parsed_without_what_the_tasks_call(imported: set[str]) -> None:
    ours = {name for name in imported if name.startswith("lifecycle.")}

    assert ours == {
        "lifecycle.build",
        "lifecycle.build.task",
        "lifecycle.errors",
        "lifecycle.release_tasks",
        "lifecycle.version_tasks",
    }
