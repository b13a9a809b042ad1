import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.commands.changed import (
    affected_by,
    show_changed,
)
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix_diff import MatrixDiff
from tests.support.builders.projects import project
from tests.support.git import git

Changed = Callable[..., str]
NODE_SCRIPT = "scripts/node/nvidia-installer"


@pytest.fixture
def changed(committed: Path, capsys: pytest.CaptureFixture[str]) -> Changed:
    """Return a function that loads the checkout again and returns the stdout of `invoke changed`."""

    def run(since: str = "", *, as_json: bool = False, ci_format: str = "", root: Path = committed) -> str:
        capsys.readouterr()
        show_changed(Session(root, cache_dir="", environ={}), since, as_json=as_json, ci_format=ci_format)
        return str(capsys.readouterr().out)

    return run


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def ids(root: Path) -> list[str]:
    return [combination.id for combination in load_locked_project(root).matrix.combinations]


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", f"--message={message}")
    return git(root, "rev-parse", "HEAD")


def test_new_and_rebuilt_combinations_are_affected_in_matrix_order() -> None:
    matrix = project().matrix
    first, second, third, _ = (combination.id for combination in matrix.combinations)
    found = MatrixDiff(added=(third,), dropped=("gone-0/1/2",), rebuilt={second: ("a", "b"), first: ("c",)})

    assert [(entry.combination.id, entry.reasons) for entry in affected_by(found, matrix)] == [
        (first, ("c",)),
        (second, ("a", "b")),
        (third, ("added",)),
    ]


# ----- with git


def test_nothing_changed_prints_nothing(changed: Changed) -> None:
    assert changed("HEAD") == ""


@pytest.mark.parametrize(
    ("ci_format", "as_json", "out"),
    [("", True, "[]\n"), ("github", False, '{"include": []}\n'), ("jenkins", False, "[]\n")],
)
def test_nothing_changed_is_an_empty_list_for_a_script(
    changed: Changed, ci_format: str, as_json: bool, out: str
) -> None:
    assert changed("HEAD", as_json=as_json, ci_format=ci_format) == out


def test_a_driver_that_comes_back_affects_its_combinations_only(committed: Path, changed: Changed) -> None:
    edit(committed / "component.yaml", "    - 550.163.01\n", "")
    commit(committed, "without 550")
    edit(committed / "component.yaml", "    - 535\n", "    - 535\n    - 550.163.01\n")
    back = [name for name in ids(committed) if name.endswith("/550.163.01")]

    assert back
    assert changed("HEAD").splitlines() == back
    assert changed("HEAD~1") == ""


def test_a_script_that_ships_affects_every_combination_and_json_says_why(committed: Path, changed: Changed) -> None:
    edit(committed / NODE_SCRIPT, "#!", "#! ")
    reasons = [f"image: recipe: {NODE_SCRIPT} changed"]

    assert changed("HEAD").splitlines() == ids(committed)
    assert json.loads(changed("HEAD", as_json=True)) == [{"id": name, "reasons": reasons} for name in ids(committed)]


def test_a_format_lists_the_affected_combinations_as_jobs(committed: Path, changed: Changed) -> None:
    edit(committed / NODE_SCRIPT, "#!", "#! ")

    assert [entry["id"] for entry in json.loads(changed("HEAD", ci_format="jenkins"))] == ids(committed)
    assert json.loads(changed("HEAD", ci_format="github"))["include"] == json.loads(
        changed("HEAD", ci_format="jenkins")
    )


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "docs/how-to/ci.md", "tests/unit/x.py", "Jenkinsfile"])
def test_words_about_the_project_affect_nothing(committed: Path, changed: Changed, name: str) -> None:
    (committed / name).parent.mkdir(parents=True, exist_ok=True)
    (committed / name).write_text("new\n")
    commit(committed, "words")

    assert changed("HEAD~1") == ""


# ----- the canary


@pytest.fixture
def canary(committed: Path) -> str:
    """Edit code that changes no image's inputs, and return the identifier of the newest combination of the newest kernel."""
    edit(committed / "lifecycle/tools/engine/engine.py", '"""', '"""In other words: ')
    return ids(committed)[-1]


def test_code_that_changes_no_image_affects_one_combination(canary: str, changed: Changed) -> None:
    assert changed("HEAD").splitlines() == [canary]


def test_the_reason_of_a_canary_says_that_it_is_one(
    canary: str, changed: Changed, committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "canary: lifecycle/tools/engine/engine.py changed, but no image would be rebuilt"

    assert json.loads(changed("HEAD", as_json=True)) == [{"id": canary, "reasons": [reason]}]
    show_changed(Session(committed, cache_dir="", environ={}), "HEAD", as_json=False, ci_format="")
    assert reason in capsys.readouterr().err


def test_ci_is_told_to_build_a_canary_from_scratch(canary: str, changed: Changed) -> None:
    entries = json.loads(changed("HEAD", ci_format="jenkins"))

    assert [(entry["id"], entry["rebuild"]) for entry in entries] == [(canary, "true")]


@pytest.mark.usefixtures("canary")
def test_where_images_are_affected_there_is_no_canary(committed: Path, changed: Changed) -> None:
    edit(committed / NODE_SCRIPT, "#!", "#! ")
    entries = json.loads(changed("HEAD", ci_format="jenkins"))

    assert [entry["id"] for entry in entries] == ids(committed)
    assert [entry for entry in entries if "rebuild" in entry] == []


def test_a_new_version_of_ours_affects_nothing(committed: Path, changed: Changed) -> None:
    edit(committed / "component.yaml", "\nversion: ", "\nversion: 9")

    assert changed("HEAD") == ""


def test_a_comment_in_component_yaml_affects_nothing(committed: Path, changed: Changed) -> None:
    edit(committed / "component.yaml", "\nname:", "\n# a comment\nname:")

    assert changed("HEAD") == ""


def test_what_cannot_be_compared_is_affected_and_said_so(
    committed: Path, changed: Changed, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (committed / "component.yaml").read_text()
    (committed / "component.yaml").write_text("name: x\n")
    commit(committed, "unreadable")
    (committed / "component.yaml").write_text(before)
    show_changed(Session(committed, cache_dir="", environ={}), "HEAD", as_json=False, ci_format="")
    out, err = capsys.readouterr()

    assert out.splitlines() == ids(committed)
    assert "WARNING: cannot compare with " in err
    assert "component.yaml:1:1: version: this key is missing" in err


# ----- since when


def test_without_since_a_branch_is_compared_with_where_it_left_main(committed: Path, changed: Changed) -> None:
    git(committed, "switch", "--quiet", "--create=topic")
    (committed / "README.md").write_text("a topic\n")
    commit(committed, "topic")
    git(committed, "switch", "--quiet", "main")
    edit(committed / NODE_SCRIPT, "#!", "#! ")
    commit(committed, "main went on")
    git(committed, "switch", "--quiet", "topic")

    assert changed() == ""
    assert changed("main").splitlines() == ids(committed)
