"""The `invoke` and `nox` commands in the pages of the documentation."""

import re
import shlex
from pathlib import Path

import pytest

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.selector import matches
from tests.support.checkout import ROOT

DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
# The combination of the pages' examples.
_EXAMPLE = "debian-12/535"
# Code in words, and a line at a prompt, also in a list; a pipe stands with a backslash in a table.
_SPAN = re.compile(r"`([^`\n]+)`")
_PROMPT = re.compile(r"^ {0,3}\$ (.*)$", re.MULTILINE)
_COMMAND = re.compile(r"(?<![\w-])(invoke|nox) ([^|;&)]*)")


def commands_in(lines: list[str]) -> list[list[str]]:
    """Return the words of each `invoke` or `nox` command, up to a comment sign or `>`."""
    found = []
    for line in lines:
        for program, rest in _COMMAND.findall(line.replace("\\|", "|")):
            found.append([program, *shlex.split(rest.partition(">")[0], comments=True)])
    return found


def commands_in_page(path: Path) -> list[list[str]]:
    """Return the words of each command in a page, in code and at prompts."""
    text = path.read_text()
    return commands_in([*_SPAN.findall(text), *_PROMPT.findall(text)])


def skip_without_example() -> None:
    """Skip a test of the pages' commands if component.yaml no longer declares the combination of their examples."""
    if not any(matches(_EXAMPLE, combination) for combination in load_locked_project(ROOT).matrix.combinations):
        pytest.skip(f"component.yaml does not declare {_EXAMPLE}, which the examples of the documentation use")
