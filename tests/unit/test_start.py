"""Tests that `invoke` imports no unneeded module to parse a command line, or in tasks that find nothing to do."""

import subprocess
import sys

import pytest

from tests.support.checkout import ROOT

# Together they were four fifths of the start of `invoke`.
HEAVY = (
    "docker",
    "elftools",
    "httpx2",
    "jinja2",
    "keystoneauth1",
    "kubernetes",
    "pydantic",
    "requests",
    "rich",
    "swiftclient",
    "zstandard",
)


def imported_by(module: str) -> set[str]:
    """Return the names of all modules that are loaded once `module` has been imported."""
    code = f"import sys, {module}; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split())


@pytest.fixture(scope="module")
def parsing() -> set[str]:
    return imported_by("tasks")


@pytest.mark.parametrize("name", HEAVY)
def test_a_command_line_is_parsed_without(parsing: set[str], name: str) -> None:
    assert name not in parsing


def test_a_command_line_is_parsed_without_what_the_tasks_call(parsing: set[str]) -> None:
    ours = {name for name in parsing if name.startswith("lifecycle.")}

    assert ours == {
        "lifecycle.app",
        "lifecycle.app.command_line",
        "lifecycle.app.debug",
        "lifecycle.app.ending",
        "lifecycle.app.help",
        "lifecycle.app.output",
        "lifecycle.app.program",
        "lifecycle.app.task",
        "lifecycle.cli",
        "lifecycle.cli.build",
        "lifecycle.cli.cleanup",
        "lifecycle.cli.cluster",
        "lifecycle.cli.matrix",
        "lifecycle.cli.release",
        "lifecycle.cli.rollout",
        "lifecycle.cli.versions",
        "lifecycle.errors",
        "lifecycle.tools",
        "lifecycle.tools.terminal",
        "lifecycle.tools.terminal.plain_text",
    }


@pytest.mark.parametrize("module", ["lifecycle.commands.matrix", "lifecycle.commands.build"])
def test_what_only_work_needs_is_not_imported_to_find_that_there_is_none(module: str) -> None:
    assert imported_by(module) & {*HEAVY} == {"pydantic"}
