"""The workflows hold what the guards want, and each guard refuses a workflow that does not. Schemas: `nox -s lint`."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.ci_files import WORKFLOWS, load, workflow_commands, workflow_problems

GOOD = """\
jobs:
  example:
    container: debian:13
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1  # v7.0.1
      - run: echo "$TITLE"
        env:
          TITLE: ${{ github.event.pull_request.title }}
"""


def test_there_is_a_workflow_for_each_occasion() -> None:
    assert [path.stem for path in WORKFLOWS] == ["main", "nightly", "pull-request", "release"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_pinned_limited_and_takes_no_expression_into_a_command(path: Path) -> None:
    assert list(workflow_problems(path.read_text())) == []


def test_the_guards_have_nothing_against_a_good_workflow() -> None:
    assert list(workflow_problems(GOOD)) == []
    assert workflow_commands(GOOD) == ['echo "$TITLE"']


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("@3d3c42e5aac5ba805825da76410c181273ba90b1  # v7.0.1", "@v7", "not pinned by commit"),
        ("  # v7.0.1", "", "not pinned by commit"),
        ("c181273ba90b1", "c181273ba90b", "not pinned by commit"),
        ('"$TITLE"', '"${{ github.event.pull_request.title }}"', "example lets an expression become part of a command"),
        ('run: echo "$TITLE"', "run: |\n          true\n          echo ${{ inputs.x }}", "example lets an expression"),
        ("    timeout-minutes: 5\n", "", "example has no timeout-minutes"),
        ("    permissions:\n      contents: read\n", "", "example has no permissions"),
        ("contents: read", "contents: write", "example may write and runs our code"),
    ],
)
def test_a_guard_refuses_a_workflow_without_what_it_guards(old: str, new: str, problem: str) -> None:
    assert old in GOOD
    found = list(workflow_problems(GOOD.replace(old, new)))

    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_as_a_whole_may_only_read_and_says_what_happens_beside_it(path: Path) -> None:
    workflow = load(path.read_text())

    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] == ("true" if path.stem == "pull-request" else "false")


def test_secrets_are_given_to_the_step_that_needs_them_alone() -> None:
    for path in WORKFLOWS:
        steps = [step for job in load(path.read_text())["jobs"].values() for step in job.pop("steps")]
        holders = [step for step in steps if "secrets." in str(step)]
        names = {step.get("name", "checkout") for step in holders}

        assert names == {
            "main": {"Build", "Push", "Report"},  # its results go to the store
            "release": {"Release", "Report"},
            "nightly": {"checkout", "Offer the update"},
            "pull-request": set(),
        }.get(path.stem), path.stem


@pytest.mark.parametrize(("host", "known"), [("github.com", True), ("git.example.org", False)])
def test_the_release_pushes_with_the_release_s_token_to_github_alone(host: str, known: bool, tmp_path: Path) -> None:
    path = next(path for path in WORKFLOWS if path.stem == "release")
    workflow = load(path.read_text())
    step = next(step for step in workflow["jobs"]["release"]["steps"] if step.get("name") == "Release")
    environ = {**workflow["env"], **step["env"], "INVOKE_RELEASE_TOKEN": "ghp-4711", "GIT_TERMINAL_PROMPT": "0"}
    environ |= {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", "GIT_ASKPASS": "true"}
    asked = f"protocol=https\nhost={host}\n\n"
    done = subprocess.run(
        ["git", "credential", "fill"], input=asked, env=environ, capture_output=True, text=True, check=False
    )

    assert ("password=ghp-4711" in done.stdout) is known


@pytest.mark.parametrize("path", [path for path in WORKFLOWS if path.stem != "nightly"], ids=lambda path: path.stem)
def test_a_report_is_written_after_a_failure_too_and_kept(path: Path) -> None:
    jobs = load(path.read_text())["jobs"].values()
    (steps,) = (job["steps"] for job in jobs if any("invoke build" in step.get("run", "") for step in job["steps"]))
    report, upload = steps[-2:]

    assert report["run"].startswith(".venv/bin/invoke report")
    assert (report["if"], upload["if"]) == ("always()", "always()")
    assert "build/report" in upload["with"]["path"].split()


def test_a_pull_request_builds_the_missing_images_or_a_canary_from_scratch() -> None:
    path = next(path for path in WORKFLOWS if path.stem == "pull-request")
    steps = load(path.read_text())["jobs"]["image"]["steps"]
    builds = {step["if"]: step["run"] for step in steps if "invoke build" in step.get("run", "")}

    assert builds == {
        "matrix.rebuild != 'true'": '.venv/bin/invoke build --locked --only="$ID"',
        "matrix.rebuild == 'true'": '.venv/bin/invoke build --locked --rebuild --only="$ID"',
    }


def test_a_pull_request_without_effect_starts_no_job() -> None:
    path = next(path for path in WORKFLOWS if path.stem == "pull-request")
    jobs = load(path.read_text())["jobs"]
    listed = [job for job in jobs.values() if "fromJSON(" in str(job.get("strategy"))]

    assert [job["if"] for job in listed] == ["needs.affected.outputs.count != '0'"]
    assert [job["needs"] for job in listed] == ["affected"]
    assert set(jobs["affected"]["outputs"]) == {"matrix", "count"}
