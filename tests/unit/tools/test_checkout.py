from pathlib import Path

import pytest

from lifecycle.errors import EXIT_USAGE
from lifecycle.tools.checkout import Checkout, NotARepositoryError


def test_a_folder_outside_git_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError, match="git cannot list the remotes") as caught:
        Checkout(tmp_path).has_remote()

    assert caught.value.exit_code == EXIT_USAGE
    assert str(caught.value).endswith("Run the command in a clone of the repository.")


def test_a_folder_outside_git_has_no_commit(tmp_path: Path) -> None:
    assert Checkout(tmp_path).commit() is None
