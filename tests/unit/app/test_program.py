"""The Program around Invoke: what it prints, and its exit codes, for lines that run no task."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.app.program import InstallerProgram
from tasks import GROUPS, ns
from tests.support.checkout import ROOT

Ending = tuple[int, str, str]
Run = Callable[..., Ending]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a line in the checkout and returns the exit code, stdout and stderr."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setitem(sys.modules, "tasks", sys.modules["tasks"])
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str) -> Ending:
        program = InstallerProgram(version="3", name="Invoke", binary="inv[oke]", binary_names=["invoke", "inv"])
        program.groups = GROUPS
        with pytest.raises(SystemExit) as caught:
            program.run(["invoke", *words])
        return (int(str(caught.value.code or 0)), *capsys.readouterr())

    return run


def test_the_list_shows_the_groups_in_their_order(run: Run) -> None:
    code, out, said = run("--list")
    titles = [line for line in out.splitlines() if line.endswith(":")]

    assert (code, said) == (0, "")
    assert titles == ["look:", "build:", "versions:", "publish:", "release:", "cluster:", "cleanup:"]


def test_the_list_as_json_has_all_tasks(run: Run) -> None:
    code, out, _ = run("--list", "--list-format=json")
    listed = json.loads(out)
    families = [f"{family['name']}.{task['name']}" for family in listed["collections"] for task in family["tasks"]]

    assert code == 0
    assert {*families, *(task["name"] for task in listed["tasks"])} == {*ns.task_names}


@pytest.mark.parametrize("words", [("bundle", "--help"), ("--help", "bundle"), ("-h", "bundle"), ("bundle", "-h")])
def test_help_of_a_task_has_its_argument_and_an_example(run: Run, words: tuple[str, ...]) -> None:
    code, out, said = run(*words)

    assert (code, said) == (0, "")
    assert out.startswith("Usage: invoke [options] bundle FILE [--option …]\n\nWrite all inputs")
    assert "Arguments:\n  FILE   the file to write\n\nOptions:\n" in out
    assert out.endswith("Example:\n  invoke bundle inputs.tar --only current\n")


def test_help_alone_shows_the_options_that_mean_something_and_the_tasks(run: Run) -> None:
    code, out, _ = run("--help")

    assert code == 0
    assert "--debug" in out
    assert "cleanup:" in out
    assert "--dry " not in out
    assert "--pty" not in out


def test_a_task_that_is_a_family_is_listed_by_its_short_name(run: Run) -> None:
    _, out, _ = run("--list")

    assert "  rollout  " in out
    assert "  rollout.status  " in out
    assert "rollout.start" not in out


def test_the_help_of_such_a_task_shows_its_options(run: Run) -> None:
    out = run("rollout", "--help")[1]

    assert out.startswith("Usage: invoke [options] rollout [--option …]\n")
    assert "--drain-timeout" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--help", "bundel"), "there is no task 'bundel': did you mean bundle?"),
        (("--list", "cahce"), "there is no task 'cahce': did you mean cache?"),
        (("--list", "--list-format=x"), "--list-format=x: there are flat, nested, json"),
        (("-R", "release"), "--dry has no effect here: use --dry-run"),
        (("--echo", "matrix"), "--echo has no effect here: leave it out"),
        (("--config=x", "matrix"), "--config has no effect here: leave it out"),
        (("--collection=x", "matrix"), "--collection has no effect here: leave it out"),
        (("build", "--", "--only=535"), "nothing is read behind --: leave out -- --only=535"),
        (("-D", "x", "--list"), "an option that takes a number has another value: `invoke --help` shows which do"),
        (
            ("--print-completion-script=csh",),
            'Completion for shell "csh" not supported (options are: bash, fish, zsh).',
        ),
    ],
)
def test_a_mistake_ends_with_2_and_one_sentence(run: Run, words: tuple[str, ...], said: str) -> None:
    assert run(*words) == (2, "", f"error: {said}\n")


def test_the_version_is_ours_and_invokes(run: Run) -> None:
    code, out, _ = run("--version")
    ours, invokes = out.splitlines()

    assert code == 0
    assert ours.startswith("nvidia-installer ")
    assert invokes.startswith("Invoke ")


def test_completion_offers_tasks_and_their_options(run: Run) -> None:
    assert {"build", "cache.prune"} <= {*run("--complete", "--", "invoke", "bu")[1].split()}
    assert {"--only", "--dry-run"} <= {*run("--complete", "--", "invoke build --d")[1].split()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_names_both_programs(run: Run, shell: str) -> None:
    code, out, _ = run(f"--print-completion-script={shell}")

    assert code == 0
    assert "invoke" in out
    assert " inv" in out


@pytest.mark.parametrize(("name", "text"), [(".invoke.yaml", "a: ["), (".invoke.py", "1 / 0"), (".invoke.json", "5")])
def test_the_users_own_file_of_invoke_is_not_read(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert run("--list")[0] == 0


@pytest.mark.parametrize("place", ["{folder}", "{folder}/missing"])
def test_a_place_outside_a_checkout_is_one_sentence(run: Run, tmp_path: Path, place: str) -> None:
    searched = place.format(folder=tmp_path)
    remedy = "run invoke in a checkout, or name one with --search-root"

    assert run("--search-root", searched, "--list") == (
        2,
        "",
        f"error: --search-root={searched}: there is no tasks.py, and none above: {remedy}\n",
    )
