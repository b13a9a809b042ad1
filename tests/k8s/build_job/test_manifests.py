"""`invoke manifests --build`, with a real Helm."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.committed_copy import committed_copy
from tests.support.git import git

ADDRESS, PLACE = "https://git.example.org/gpu/nvidia-installer.git", "registry.example.org/gpu/store"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a committed copy of the checkout, whose remote on the web has the commit."""
    folder = committed_copy(tmp_path / "clone")
    git(folder, "remote", "add", "origin", ADDRESS)
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    return folder


def manifests(clone: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "invoke", "manifests", "--build", *words]
    environment = {**os.environ, "INVOKE_STORE": PLACE, **environ}
    return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)


def job_in(text: str) -> Any:  # noqa: ANN401 - YAML
    (job,) = (found for found in yaml.safe_load_all(text) if found["kind"] == "Job")
    return job


def test_it_prints_the_job_of_the_commit_that_is_checked_out(clone: Path) -> None:
    done = manifests(clone, "--only=550")
    assert (done.returncode, done.stderr) == (0, "")
    job = job_in(done.stdout)
    checkout, build = (job["spec"]["template"]["spec"][key][0] for key in ("initContainers", "containers"))
    told = {variable["name"]: variable["value"] for variable in (*checkout["env"], *build["env"])}

    assert job["metadata"]["namespace"] == "nvidia-installer-build"
    assert job["metadata"]["annotations"]["nvidia-installer/revision"] == git(clone, "rev-parse", "HEAD")
    assert (told["REPOSITORY"], told["REVISION"]) == (ADDRESS, git(clone, "rev-parse", "HEAD"))
    assert (told["INVOKE_STORE"], build["args"]) == (PLACE, ["--only=550"])


def test_values_of_a_file_go_over_it_and_files_are_written(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("shards: 32\nstore: {secret: registry}\n")
    done = manifests(clone, "--values", str(tmp_path / "values.yaml"), "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    written = sorted((tmp_path / "out").iterdir())
    (job,) = (path for path in written if path.name.startswith("job-nvidia-installer-build-"))

    assert {path.name.partition("-")[0] for path in written} == {"configmap", "job", "networkpolicy", "serviceaccount"}
    assert job_in(job.read_text())["spec"]["completions"] == 32
    assert "secretName: registry" in job.read_text()


def test_files_in_a_config_map_are_printed_as_their_lines(clone: Path) -> None:
    script = (clone / "k8s/build-job/scripts/build").read_text().splitlines()

    assert [f"    {line}".rstrip() for line in script[:3]] == manifests(clone).stdout.split("  build: |\n")[
        1
    ].splitlines()[:3]


@pytest.mark.parametrize(
    ("words", "environ", "said"),
    [
        (
            [],
            {"INVOKE_STORE": ""},
            "error: --build: the pods need a remote cache to share results",
        ),
        ([], {"INVOKE_STORE": "localhost:5000/store"}, "error: build-job: Helm refuses it"),
        (["--diff"], {}, "error: --build and --diff exclude each other"),
        (["--values=nowhere.yaml"], {}, "error: --values nowhere.yaml: there is no such file"),
    ],
)
def test_what_makes_no_sense_is_refused(clone: Path, words: list[str], environ: dict[str, str], said: str) -> None:
    done = manifests(clone, *words, **environ)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
