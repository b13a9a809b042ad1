import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.commands.changed import (
    NoMainError,
    NoRepositoryError,
    ShallowError,
    UnrelatedError,
    affected_by,
    show_changed,
    starting_point,
)
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix_diff import MatrixDiff
from lifecycle.tools.checkout import UnknownRevisionError
from tests.support.builders.projects import project
from tests.support.git import git

Changed = Callable[..., str]
NODE_SCRIPT = "scripts/node/nvidia-installer"


@pytest.fixture
def changed(committed: Path, capsys: pytest.CaptureFixture[str]) -> Changed:
    """What `invoke changed` prints on stdout, read anew from the checkout."""

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
    """A change of code that alters the inputs of no image; the identifier of the newest combination."""
    edit(committed / "lifecycle/tools/engine/engine.py", '"""', '"""In other words: ')
    return next(name for name in reversed(ids(committed)) if name.startswith("debian-13/"))


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


def test_the_remotes_main_goes_before_ones_own(committed: Path, tmp_path: Path) -> None:
    first = git(committed, "rev-parse", "HEAD")
    git(tmp_path, "clone", "--quiet", str(committed), "clone")
    (tmp_path / "clone/README.md").write_text("not pushed\n")
    commit(tmp_path / "clone", "second")

    assert starting_point(tmp_path / "clone", "") == first


@pytest.mark.parametrize("revision", ["HEAD", "main", "v1", "v1^{commit}", "HEAD^0"])
def test_a_branch_a_tag_or_an_expression_is_a_revision(committed: Path, revision: str) -> None:
    git(committed, "tag", "--annotate", "--message=v1", "v1")

    assert starting_point(committed, revision) == git(committed, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    "revision",
    ["no-such", "0" * 40, "--output=x", "-h", "--all", "HEAD~9", "HEAD:scripts", "main..HEAD", "HEAD -- x", "a\nb"],
)
def test_anything_else_is_one_sentence(committed: Path, revision: str) -> None:
    with pytest.raises(UnknownRevisionError) as caught:
        starting_point(committed, revision)

    said = f"--since {revision!r}: git cannot show it: no such commit: name a commit, branch or tag that exists"
    assert str(caught.value) == said


def test_no_main_branch_is_one_sentence_with_the_command_that_fetches_it(committed: Path) -> None:
    git(committed, "branch", "--move", "main", "trunk")
    with pytest.raises(NoMainError, match=r"^this clone has neither origin/main nor main: run `git fetch origin main:"):
        starting_point(committed, "")


def test_an_unrelated_main_branch_is_one_sentence(committed: Path) -> None:
    git(committed, "switch", "--quiet", "--orphan", "other")
    git(committed, "commit", "--quiet", "--allow-empty", "--message=other")
    with pytest.raises(UnrelatedError, match=r"^HEAD and main have no common history: name a revision with --since$"):
        starting_point(committed, "")


def test_a_folder_without_a_repository_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoRepositoryError, match=r"not a git repository.*: run the command in a clone") as caught:
        starting_point(tmp_path, "")

    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("since", ["", "HEAD~1"])
def test_a_shallow_clone_says_how_to_fetch_more_history_and_that_helps(
    committed: Path, tmp_path: Path, since: str
) -> None:
    first = git(committed, "rev-parse", "HEAD")
    git(committed, "switch", "--quiet", "--create=topic")
    git(committed, "commit", "--quiet", "--allow-empty", "--message=topic")
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=topic", f"file://{committed}", "clone")
    with pytest.raises(ShallowError, match=r"^this shallow clone lacks ") as caught:
        starting_point(tmp_path / "clone", since)

    command = str(caught.value).split("`")[1]
    subprocess.run(command.split(), cwd=tmp_path / "clone", check=True, capture_output=True)
    assert starting_point(tmp_path / "clone", since) == first
