"""The revision that a checkout is compared with."""

import subprocess
from pathlib import Path

import pytest

from lifecycle.commands.changed import (
    NoMainError,
    NoRepositoryError,
    ShallowError,
    UnrelatedError,
    starting_point,
)
from lifecycle.tools.checkout import UnknownRevisionError
from tests.support.git import git


def test_the_remotes_main_goes_before_ones_own(committed: Path, tmp_path: Path) -> None:
    first = git(committed, "rev-parse", "HEAD")
    git(tmp_path, "clone", "--quiet", str(committed), "clone")
    (tmp_path / "clone/README.md").write_text("not pushed\n")
    git(tmp_path / "clone", "add", "--all")
    git(tmp_path / "clone", "commit", "--quiet", "--message=second")

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

    said = f"--since {revision!r}: git cannot show it: no such commit: name an existing commit, branch or tag"
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
