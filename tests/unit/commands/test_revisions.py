import json
from pathlib import Path

import pytest

from lifecycle.commands.matrix import show_diff
from lifecycle.commands.revisions import UnreadableRevisionError, differences
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.recipes import FORMAT
from lifecycle.tools.checkout import Checkout, UnknownRevisionError
from tests.support.git import git


def test_the_formats_of_a_revision_are_those_of_its_own_code(committed: Path) -> None:
    code = committed / "lifecycle/planning/recipes.py"
    text, number = code.read_text(), FORMAT["image"]
    code.write_text(text.replace(f'"image": {number}', '"image": 0'))
    git(committed, "commit", "--quiet", "--all", "--message=an older format")
    code.write_text(text)
    now = load_locked_project(committed)

    assert dict(differences(committed, "HEAD", now).rebuilt) == {
        combination.id: (f"image: format: 0 -> {number}",) for combination in now.matrix.combinations
    }


def test_a_revision_is_a_folder_with_its_files_that_is_gone_afterwards(committed: Path) -> None:
    script = committed / "scripts/node/nvidia-installer"
    before = script.read_bytes()
    script.write_text("other")
    with Checkout(committed).files_at("HEAD") as folder:
        assert (folder / "scripts/node/nvidia-installer").read_bytes() == before
        assert (folder / "scripts/node/nvidia-installer").stat().st_mode & 0o100
        kept = folder

    assert not kept.exists()
    assert script.read_text() == "other"


def test_the_working_tree_as_committed_differs_in_nothing(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_diff(committed, "HEAD", load_locked_project(committed), as_json=False)

    assert capsys.readouterr().out == "0 added, 0 dropped, 0 rebuilt since HEAD\n"


def test_a_change_is_shown_with_signs_reasons_and_counts(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {c.id for c in load_locked_project(committed).matrix.combinations}
    file = committed / "component.yaml"
    file.write_text(file.read_text().replace("    - 550.163.01\n", "", 1).replace("name: system", "name: other"))
    show_diff(committed, "HEAD", load_locked_project(committed), as_json=False)
    lines = capsys.readouterr().out.splitlines()

    kept = load_locked_project(committed).matrix.combinations
    assert {line for line in lines if line.startswith("- ")} == {f"- {id_}" for id_ in before - {c.id for c in kept}}
    assert {line for line in lines if line.startswith("    ")} == {"    image: name changed"}
    assert lines[-1] == f"0 added, {len(before) - len(kept)} dropped, {len(kept)} rebuilt since HEAD"


def test_a_change_as_data_is_the_same(committed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = load_locked_project(committed)
    file = committed / "component.yaml"
    file.write_text(file.read_text().replace("    - 550.163.01\n", "", 1))
    show_diff(committed, "HEAD", load_locked_project(committed), as_json=True)

    gone = [c.id for c in before.matrix.combinations if c.branch == "550"]
    assert json.loads(capsys.readouterr().out) == {"added": [], "dropped": gone, "rebuilt": {}}


@pytest.mark.parametrize("revision", ["no-such-revision", "HEAD~7", "0" * 40, "--output=x", "-l"])
def test_a_revision_that_git_does_not_know_is_one_sentence(committed: Path, revision: str) -> None:
    with pytest.raises(UnknownRevisionError) as caught, Checkout(committed).files_at(revision):
        pass

    said = str(caught.value)
    assert said.startswith(f"--diff {revision!r}: git cannot show it: fatal: ")
    assert said.endswith(": name an existing commit, branch or tag")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("part", "text", "said"),
    [
        ("component.yaml", None, "component.yaml: no such file"),
        ("component.yaml", "name: x\n", "component.yaml:1:1: version: this key is missing: add it"),
        ("versions.lock", "format: 1\n", "versions.lock does not have a kernel of debian-12/amd64"),
    ],
)
def test_a_revision_that_holds_no_such_project_is_named(
    committed: Path, part: str, text: str | None, said: str
) -> None:
    now = load_locked_project(committed)
    (committed / part).unlink()
    if text is not None:
        (committed / part).write_text(text)
    git(committed, "commit", "--quiet", "--all", "--message=worse")
    with pytest.raises(UnreadableRevisionError) as caught:
        show_diff(committed, "HEAD", now, as_json=False)

    assert str(caught.value).startswith("--diff 'HEAD': its files have no valid matrix: name a revision at which ")
    assert said in caught.value.details


def test_a_folder_without_a_repository_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnknownRevisionError, match="not a git repository"), Checkout(tmp_path).files_at("HEAD"):
        pass
