"""Tests that each workflow linter of `nox -s lint` refuses a workflow with one defect.

That session runs these tests, because its environment has the tools.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
SCHEMA = ("check-jsonschema", "--builtin-schema=vendor.github-workflows")
AUDIT = ("zizmor", "--offline", "--quiet")
YAML = ("yamllint", "--strict")
PINNED = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
GOOD = f"""\
name: example
"on":
  pull_request:
    branches: [main]
permissions:
  contents: read
concurrency:
  group: example
  cancel-in-progress: true
jobs:
  example:
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: {PINNED}  # v7.0.1
        with:
          persist-credentials: false
      - run: echo "$TITLE"
        env:
          TITLE: ${{{{ github.event.pull_request.title }}}}
"""
Lint = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def lint(tmp_path: Path) -> Lint:
    """Run a tool over the workflow above, with texts replaced."""

    def run(tool: tuple[str, ...], *edits: tuple[str, str]) -> subprocess.CompletedProcess[str]:
        text = GOOD
        for old, new in edits:
            assert old in text, old
            text = text.replace(old, new, 1)
        file = tmp_path / "example.yml"
        file.write_text(text)
        return subprocess.run([BIN / tool[0], *tool[1:], file], capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("tool", [SCHEMA, AUDIT, YAML], ids=lambda tool: tool[0])
def test_the_good_workflow_is_good(lint: Lint, tool: tuple[str, ...]) -> None:
    done = lint(tool)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("tool", "old", "new", "said"),
    [
        (SCHEMA, "runs-on:", "run-on:", "'runs-on' is a required property"),
        (SCHEMA, "timeout-minutes: 5", "timeout-minutes: long", "timeout-minutes"),
        (SCHEMA, "contents: read", "contents: some", "permissions"),
        (AUDIT, '"$TITLE"', '"${{ github.event.pull_request.title }}"', "template-injection"),
        (AUDIT, PINNED, "actions/checkout@v7", "unpinned-uses"),
        (AUDIT, "persist-credentials: false", "fetch-depth: 0", "artipacked"),
        (AUDIT, "  pull_request:", "  pull_request_target:", "dangerous-triggers"),
        (YAML, '"on":', "on:", "truthy"),
        (YAML, "  group: example", "  group: example\n  group: example", "duplication of key"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_a_bad_workflow_is_refused(lint: Lint, tool: tuple[str, ...], old: str, new: str, said: str) -> None:
    done = lint(tool, (old, new))

    assert done.returncode != 0
    assert said in done.stdout + done.stderr
