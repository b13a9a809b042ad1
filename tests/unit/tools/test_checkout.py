import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lifecycle.commands.changed import starting_point
from lifecycle.errors import EXIT_USAGE
from lifecycle.tools.checkout import Checkout, NotARepositoryError, UntrustedCheckoutError


def test_a_folder_outside_git_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError, match="git cannot list the remotes") as caught:
        Checkout(tmp_path).has_remote()

    assert caught.value.exit_code == EXIT_USAGE
    assert str(caught.value).endswith("Run the command in a clone of the repository.")


def test_a_folder_outside_git_has_no_commit(tmp_path: Path) -> None:
    assert Checkout(tmp_path).commit() is None


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a checkout that git takes for another user's."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    return tmp_path


def show_files(root: Path) -> None:
    with Checkout(root).files_at("main"):
        pass


READERS: list[Callable[[Path], object]] = [
    show_files,
    lambda root: starting_point(root, ""),
    lambda root: Checkout(root).has_remote(),
    lambda root: Checkout(root).commit(),
    lambda root: Checkout(root).merge_base("main"),
]


@pytest.mark.parametrize("read", READERS)
def test_a_checkout_of_another_user_says_how_git_reads_it(foreign: Path, read: Callable[[Path], object]) -> None:
    with pytest.raises(UntrustedCheckoutError) as caught:
        read(foreign)

    assert f"Run `git config --global --add safe.directory {foreign}`" in str(caught.value)
    assert caught.value.exit_code == EXIT_USAGE
