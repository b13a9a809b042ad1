"""The checkout and the repositories that are pushed to, with real git."""

import os
import subprocess
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.config.component import Component
from lifecycle.config.gitops import GitOps, ValuesFiles
from lifecycle.doctor.checkout import check_checkout, check_lock
from lifecycle.doctor.finding import State
from lifecycle.doctor.git import check_gitops, check_origin
from lifecycle.planning.project import Project
from tests.support.builders.projects import component, lock, project
from tests.support.git import git

HIDDEN = "geheim-4711"


def session(root: Path) -> Session:
    return Session(root, cache_dir=str(root / "cache"), environ=os.environ)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a clone with a bare origin."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(tmp_path, "clone", "--quiet", "origin.git", "clone")
    (tmp_path / "clone/file").write_text("one\n")
    git(tmp_path / "clone", "add", "file")
    git(tmp_path / "clone", "commit", "--quiet", "--message=one")
    git(tmp_path / "clone", "push", "--quiet", "origin", "HEAD:main")
    return tmp_path / "clone"


def deploying_from(repository: str, root: Path, *, branch: str = "main") -> Project:
    values = [ValuesFiles.model_validate({"file": "values.yaml", "set": {"image": "{digest}"}})]
    section = GitOps(repository=repository, branch=branch, values=values)
    declared: Component = component().model_copy(update={"gitops": section})
    return project(component=declared, root=root)


def test_a_checkout_with_changes_is_ok_and_tells_them(clone: Path) -> None:
    (clone / "new").write_text("")
    (found,) = check_checkout(clone)

    assert found.state is State.OK
    assert found.text.endswith("with 1 changed file")


def test_a_shallow_clone_is_told_with_the_remedy(clone: Path, tmp_path: Path) -> None:
    (clone / "file").write_text("two\n")
    git(clone, "commit", "--quiet", "--all", "--message=two")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{clone}", "shallow")
    first, _ = check_checkout(tmp_path / "shallow")

    assert first.state is State.WARNING
    assert "git fetch --unshallow" in first.remedy


def test_a_folder_without_git_is_a_warning(tmp_path: Path) -> None:
    (found,) = check_checkout(tmp_path)

    assert found.state is State.WARNING


def test_a_stale_lock_is_told_with_the_command() -> None:
    (found,) = check_lock(project(lock=lock(kernels={})))

    assert found.state is State.WARNING
    assert "invoke fetch" in found.text


def test_an_origin_that_takes_pushes_is_ok_and_is_not_changed(clone: Path) -> None:
    (found,) = check_origin(session(clone))

    assert found.state is State.OK
    assert found.text.endswith("may be read and pushed to")
    assert git(clone, "ls-remote", "--heads", "origin").count("\n") == 0


def test_an_origin_without_the_right_to_push_is_a_warning(clone: Path) -> None:
    # The user may be root, whom no mode of a file stops.
    git(clone, "config", "remote.origin.receivepack", "echo 'not allowed to push' >&2; false")
    (found,) = check_origin(session(clone))

    assert found.state is State.WARNING
    assert "not allowed to push" in found.text
    assert found.remedy == "The token must be allowed to write to the repository. `invoke release` pushes there."


def test_no_hook_runs_for_the_dry_run(clone: Path) -> None:
    hook = clone / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\nexit 1\n")
    hook.chmod(0o755)
    (found,) = check_origin(session(clone))

    assert found.state is State.OK
    assert not (clone / "ran").exists()


def test_an_origin_that_is_gone_is_a_warning_without_its_password(clone: Path) -> None:
    git(clone, "remote", "set-url", "origin", f"http://me:{HIDDEN}@127.0.0.1:1/x.git")
    (found,) = check_origin(session(clone))

    assert found.state is State.WARNING
    assert "127.0.0.1" in found.text
    assert HIDDEN not in found.text


def test_a_checkout_without_origin_is_skipped(clone: Path) -> None:
    git(clone, "remote", "remove", "origin")
    (found,) = check_origin(session(clone))

    assert found.state is State.SKIPPED


def test_a_gitops_repository_that_takes_pushes_is_ok(clone: Path) -> None:
    origin = str(clone.with_name("origin.git"))
    (found,) = check_gitops(session(clone), deploying_from(origin, clone))

    assert (found.state, found.text) == (State.OK, f"{origin}: may be read and pushed to")
    assert subprocess.check_output(["git", "-C", origin, "branch"], text=True).split() == ["*", "main"]


def test_a_gitops_repository_for_trials_is_created_later(clone: Path) -> None:
    (found,) = check_gitops(session(clone), deploying_from("build/gitops.git", clone))

    assert found.state is State.OK
    assert not (clone / "build").exists()


def test_a_missing_branch_is_an_error(clone: Path) -> None:
    declared = deploying_from(str(clone.with_name("origin.git")), clone, branch="prod")
    (found,) = check_gitops(session(clone), declared)

    assert found.state is State.ERROR
    assert "has no branch prod" in found.text


def test_without_gitops_nothing_is_asked(clone: Path) -> None:
    (found,) = check_gitops(session(clone), project(root=clone))

    assert found.state is State.SKIPPED
