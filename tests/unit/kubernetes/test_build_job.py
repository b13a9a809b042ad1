import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.commands.ci_matrix import TwoOutputsError
from lifecycle.config.store import RemoteCacheConfig
from lifecycle.errors import EXIT_USAGE
from lifecycle.kubernetes.build_job import (
    NoRemoteForPodsError,
    RemoteCacheRequiredError,
    fetch_address,
    job_values,
    show_build_job,
    store_values,
)
from lifecycle.planning.selector import NothingSelectedError
from lifecycle.tools.checkout import UnknownRevisionError
from lifecycle.tools.terminal.console import OutputConsole
from lifecycle.tools.terminal.progress import Progress
from tests.support.git import git

ADDRESS = "https://git.example.org/gpu/nvidia-installer.git"
PLACE = "registry.example.org/gpu/store"


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    with io.StringIO() as text:
        yield text


@pytest.fixture
def session(committed: Path, said: io.StringIO) -> Session:
    """Return a session in a committed checkout whose remote has all commits, with a store in the environment."""
    git(committed, "remote", "add", "origin", ADDRESS)
    git(committed, "update-ref", "refs/remotes/origin/main", "HEAD")
    found = Session(committed, cache_dir="", environ={"INVOKE_STORE": PLACE})
    found.progress = Progress(OutputConsole(file=said, width=1000))
    return found


def test_the_pods_build_this_commit_from_its_remote_and_share_its_store(session: Session, said: io.StringIO) -> None:
    assert job_values(session, "550", "", {}) == {
        "only": "550",
        "repository": ADDRESS,
        "revision": git(session.root, "rev-parse", "HEAD"),
        "store": {"place": PLACE, "mode": "read-write"},
    }
    assert said.getvalue() == ""


def test_the_store_is_component_yamls_however_this_machine_uses_it(session: Session) -> None:
    store = "store: {registry: r.example.org, repository: s, mode: read-only}\n"
    with (session.root / "component.yaml").open("a") as file:
        file.write(store)
    for mode in ("", "off", "read-write"):
        found = Session(session.root, cache_dir="", environ={"INVOKE_STORE_MODE": mode})
        found.progress = session.progress

        assert job_values(found, "", "", {})["store"] == {"place": "r.example.org/s", "mode": "read-only"}


def test_what_a_file_says_goes_over_it(session: Session) -> None:
    more = {
        "repository": "git@other:x",
        "revision": "f" * 40,
        "only": "535",
        "store": {"secret": "registry"},
        "shards": 9,
    }
    found = job_values(session, "550", "", more)

    assert found == {**more, "store": {"place": PLACE, "mode": "read-write", "secret": "registry"}}


def test_a_release_is_built_by_its_tag(session: Session) -> None:
    git(session.root, "tag", "v1.0.0")
    git(session.root, "commit", "--quiet", "--allow-empty", "--message=more")

    assert job_values(session, "", "1.0.0", {})["revision"] == git(session.root, "rev-parse", "v1.0.0")
    with pytest.raises(UnknownRevisionError, match=r"^--release 'v1\.1\.0': git cannot show it"):
        job_values(session, "", "1.1.0", {})


def test_what_pods_would_not_get_is_warned_of(session: Session, said: io.StringIO) -> None:
    git(session.root, "commit", "--quiet", "--allow-empty", "--message=more")
    (session.root / "new").write_text("")
    commit = job_values(session, "", "", {})["revision"]

    assert said.getvalue().splitlines() == [
        f"WARNING: the pods build {commit[:12]}, without uncommitted changes (files: 1)",
        f"WARNING: no fetched branch of origin has {commit[:12]}: push it first",
    ]


def test_a_checkout_without_remote_is_one_sentence(session: Session) -> None:
    git(session.root, "remote", "remove", "origin")
    with pytest.raises(NoRemoteForPodsError) as caught:
        job_values(session, "", "", {})

    assert str(caught.value) == (
        "--build: this checkout has no remote 'origin' to fetch from: "
        "name `repository` and `revision` in a file with --values"
    )
    assert caught.value.exit_code == EXIT_USAGE


def test_without_a_commit_it_is_one_sentence(session: Session) -> None:
    git(session.root, "checkout", "--quiet", "--orphan", "empty")

    with pytest.raises(NoRemoteForPodsError, match=r"^--build: this checkout has no commit: name `repository`"):
        job_values(session, "", "", {})


def test_without_a_repository_nothing_is_asked_of_git_where_a_file_says_all(checkout: Path) -> None:
    session = Session(checkout, cache_dir="", environ={"INVOKE_STORE": PLACE})
    more = {"repository": ADDRESS, "revision": "f" * 40}

    assert job_values(session, "", "", more) == {
        **more, "only": "", "store": {"place": PLACE, "mode": "read-write"}
    }  # fmt: skip
    with pytest.raises(NoRemoteForPodsError):
        job_values(session, "", "", {})


def test_pods_that_would_share_nothing_are_refused() -> None:
    with pytest.raises(RemoteCacheRequiredError, match=r"^--build: the pods need a remote cache to share") as caught:
        store_values(None)
    assert caught.value.exit_code == EXIT_USAGE
    assert store_values(RemoteCacheConfig(registry="r.example", repository="s")) == {
        "place": "r.example/s",
        "mode": "read-write",
    }


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (ADDRESS, ADDRESS),
        ("https://ann:secret@git.example.org/x.git", "https://git.example.org/x.git"),
        ("ssh://git@git.example.org:22/x.git", "ssh://git@git.example.org:22/x.git"),
        ("git@git.example.org:gpu/x.git", "git@git.example.org:gpu/x.git"),
    ],
)
def test_an_address_is_told_without_its_password(address: str, told: str) -> None:
    assert fetch_address(address) == told


@pytest.mark.parametrize(
    "address", ["/srv/git/x.git", "../x.git", "file:///srv/x.git", "http://git.example.org/x", "C:x"]
)
def test_an_address_that_no_pod_reaches_is_refused(address: str) -> None:
    with pytest.raises(NoRemoteForPodsError, match=r"^--build: pods cannot reach the remote "):
        fetch_address(address)


def test_a_selector_that_means_nothing_and_a_comparison_are_refused(session: Session) -> None:
    with pytest.raises(NothingSelectedError):
        show_build_job(session, "nowhere", release="", diff=False, output="", values="")
    with pytest.raises(TwoOutputsError, match=r"^--build and --diff exclude each other"):
        show_build_job(session, "", release="", diff=True, output="", values="")
