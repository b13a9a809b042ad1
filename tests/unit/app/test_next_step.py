import json
import subprocess
import sys

import pytest

from lifecycle.app.next_step import command_without_dry_run, selecting
from tests.support.checkout import ROOT


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "invoke", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_command_keeps_the_selection() -> None:
    assert selecting("invoke push") == "invoke push"
    assert selecting("invoke push", "debian-*/535", "1/4") == "invoke push --only 'debian-*/535' --shard 1/4"


@pytest.mark.parametrize("option", ["--dry-run", "-n"])
def test_a_dry_run_is_followed_by_the_same_command(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.setattr(sys, "argv", ["invoke", "retire", "5 35", option])

    assert command_without_dry_run() == "invoke retire '5 35'"


def test_a_task_ends_with_the_next_step_on_stderr() -> None:
    done = run("matrix", "--only", "535")

    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "next: invoke status"
    assert "next:" not in done.stdout


@pytest.mark.parametrize("option", ["--json", "--format=github"])
def test_a_script_gets_no_next_step(option: str) -> None:
    done = run("matrix", option)

    assert (done.returncode, "next:" in done.stderr) == (0, False)
    assert json.loads(done.stdout)


def test_a_task_that_fails_has_no_next_step() -> None:
    done = run("matrix", "--only", "nowhere")

    assert (done.returncode, "next:" in done.stderr) == (2, False)


def test_an_explanation_as_json_has_facts_and_plan() -> None:
    (found,) = json.loads(run("explain", "debian-12/535", "--json", "--engine", "unix:///nowhere").stdout)

    assert found["module_types"] == ["proprietary"]
    assert found["plan"] is None
    assert "unix:///nowhere" in found["problem"]
