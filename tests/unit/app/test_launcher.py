"""The real `invoke`, as a process: from any folder, by any way to start it, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT

LAUNCHER = [sys.executable, str(ROOT / "lifecycle/app/launcher.py")]
MODULE = [sys.executable, "-m", "invoke"]


def started(command: list[str], folder: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **environ}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("start", [LAUNCHER, MODULE], ids=["launcher", "module"])
def test_invoke_runs_from_any_folder_of_the_checkout(start: list[str]) -> None:
    done = started([*start, "--list"], ROOT / "lifecycle/cli")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("look:\n  matrix ")


def test_outside_a_checkout_there_are_no_tasks(tmp_path: Path) -> None:
    done = started([*LAUNCHER, "--list"], tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Can't find any collection named 'tasks'!\n"


@pytest.mark.parametrize("start", [LAUNCHER, MODULE], ids=["launcher", "module"])
def test_a_release_is_never_made_by_invokes_own_dry_run(start: list[str]) -> None:
    done = started([*start, "release", "--dry"])

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --dry has no effect here: use --dry-run\n"


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("word", ["matrix", "--list"])
def test_an_output_that_cannot_be_written_is_one_sentence(word: str, unbuffered: str) -> None:
    environ = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*MODULE, word], cwd=ROOT, env=environ, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.returncode == 1
    assert done.stderr == "error: cannot write to standard output: No space left on device\n"


def test_ctrl_c_while_invoke_is_imported_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "invoke.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n")
    done = started([*LAUNCHER, "matrix"], PYTHONPATH=str(tmp_path))

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_debug_shows_the_traceback_of_a_mistake(tmp_path: Path) -> None:
    done = started([*MODULE, "matrix", "--only=nothing", "--debug"])

    assert done.returncode == 2
    assert "Traceback (most recent call last):" in done.stderr
    assert "Handling token" not in done.stderr.partition("Traceback")[2]
    assert done.stderr.splitlines()[-1].startswith("  ")


def test_without_debug_a_mistake_is_its_message() -> None:
    done = started([*LAUNCHER, "matrix", "--only=nothing"], INVOKE_DEBUG="0")

    assert done.returncode == 2
    assert done.stderr.startswith("error: --only 'nothing' matches no combination")


def test_settings_of_invokes_in_the_environment_do_not_end_it() -> None:
    assert started([*MODULE, "matrix"], INVOKE_RUN_WATCHERS="x").returncode == 0
