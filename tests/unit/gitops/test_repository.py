"""Repositories that are created on first use, and others."""

from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.config.gitops import GitOps, NodePools
from lifecycle.gitops.repository import RepositoryNotFoundError, open_repository, repository_exists
from lifecycle.tools.paths import BadPathError

POOLS = NodePools(file="clusters/*/shoot.yaml", set={"image.tag": "{tag}"})


def section(repository: str) -> GitOps:
    # Not validated: an address that is refused in component.yaml is not created here either.
    return GitOps.model_construct(repository=repository, branch="main", pools=[POOLS], values=[])


def session(root: Path) -> Session:
    return Session(root, cache_dir=str(root / "cache"), environ={})


def test_a_missing_repository_below_build_is_created_on_first_use(tmp_path: Path) -> None:
    assert not repository_exists(tmp_path, section("build/gitops.git"))
    with open_repository(session(tmp_path), section("build/gitops.git"), []) as remote:
        assert remote.address == str(tmp_path / "build/gitops.git")

    assert repository_exists(tmp_path, section("build/gitops.git"))


def test_a_dry_run_creates_nothing_in_the_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_repository(session(tmp_path), section("build/gitops.git"), [], dry_run=True) as remote:
        assert (Path(remote.address) / "HEAD").is_file()

    assert list(tmp_path.iterdir()) == []
    assert not Path(remote.address).exists()
    assert "would create build/gitops.git, a repository for trials" in capsys.readouterr().err


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    "repository", ["github.com/acme/gitops.git", "gitops.git", "build", "build/../gitops.git", "../gitops.git"]
)
def test_a_missing_repository_elsewhere_is_never_created(tmp_path: Path, repository: str, dry_run: bool) -> None:
    root = tmp_path / "checkout"
    root.mkdir()
    with (
        pytest.raises(
            RepositoryNotFoundError, match=r"^component\.yaml: gitops\.repository: .* does not exist: create it with"
        ),
        open_repository(session(root), section(repository), [], dry_run=dry_run),
    ):
        pass

    assert list(tmp_path.rglob("*")) == [root]


def test_a_home_folder_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(
            BadPathError, match=r"^component\.yaml: gitops\.repository: '~nosuch/x\.git': that user has no home"
        ),
        open_repository(session(tmp_path), section("~nosuch/x.git"), []),
    ):
        pass
