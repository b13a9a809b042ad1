"""Changes delivered to real git repositories: by a path, over HTTP with a token, over SSH with a key."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.config.gitops import GitOps
from lifecycle.gitops.deliver import (
    TRAILER,
    CommitProposal,
    Deliverer,
    DeliveryResult,
    DeliveryStatus,
    MakeProposal,
    PushConflictError,
)
from lifecycle.gitops.git import GitRefusedError, remote
from lifecycle.gitops.repository_files import Files, NotTextError
from tests.support.git import git
from tests.support.servers.git_server import TOKEN, Upstream, bare_repository, over_http, over_ssh

OURS = "nvidia-installer/values-1.0.0"
FILES = {"values.yaml": "# ours\r\ntag: old\r\n", "README": "x\n"}


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return bare_repository(tmp_path / "upstream", FILES)


@pytest.fixture(params=["path", "http", "ssh"])
def reached(request: pytest.FixtureRequest, upstream: Upstream, tmp_path: Path) -> Iterator[Upstream]:
    match request.param:
        case "http":
            with over_http(upstream) as server:
                yield server
        case "ssh":
            with over_ssh(upstream, tmp_path / "ssh") as server:
                yield server
        case _:
            yield upstream


class Hands:
    """A deliverer to an upstream; each delivery has a clone of its own, as each command has."""

    def __init__(self, upstream: Upstream, folder: Path, mode: str = "pull-request") -> None:
        values = [{"file": "values.yaml", "set": {"tag": "x"}}]
        self.section = GitOps.model_validate({"repository": upstream.address, "mode": mode, "values": values})
        self.upstream = upstream
        self.folder = folder
        self.said: list[str] = []

    def deliver(self, make: MakeProposal, *, dry_run: bool = False, name: str = "one") -> DeliveryResult:
        scratch = self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*')))}"
        scratch.mkdir()
        there = remote(self.upstream.address, self.upstream.environ)
        hands = Deliverer(remote=there, section=self.section, branch=OURS, scratch=scratch, say=self.said.append)
        return hands.deliver(make, dry_run=dry_run)


def tag(new: str, before: Callable[[], object] = lambda: None) -> MakeProposal:
    """Set the tag, whatever else the file says; something may happen right before."""

    def make(files: Files) -> CommitProposal:
        before()
        text = files.read("values.yaml")
        assert text is not None
        lines = [f"tag: {new}\r\n" if line.startswith("tag:") else line for line in text.splitlines(keepends=True)]
        edited = "".join(lines)
        return CommitProposal(
            files={"values.yaml": edited} if edited != text else {}, title=f"tag {new}", body="old → new"
        )

    return make


@pytest.fixture
def hands(upstream: Upstream, tmp_path: Path) -> Hands:
    return Hands(upstream, tmp_path)


@pytest.fixture
def direct(upstream: Upstream, tmp_path: Path) -> Hands:
    return Hands(upstream, tmp_path, "commit")


def test_a_change_is_one_commit_on_a_branch_of_its_own(reached: Upstream, tmp_path: Path) -> None:
    done = Hands(reached, tmp_path).deliver(tag("new"))

    assert (done.verdict, done.branch) == (DeliveryStatus.PUSHED, OURS)
    assert reached.log(f"main..{OURS}") == ["tag new"]
    assert reached.show(OURS, "values.yaml") == "# ours\r\ntag: new\r\n"
    assert git(reached.path, "log", "-1", "--format=%B", OURS) == f"tag new\n\nold → new\n\n{TRAILER}"
    assert [line for line in done.diff if line.startswith(("+t", "-t"))] == ["-tag: old", "+tag: new"]
    assert reached.log("main") == ["first"]


def test_a_second_delivery_finds_it_there(reached: Upstream, tmp_path: Path) -> None:
    hands = Hands(reached, tmp_path)
    first = hands.deliver(tag("new"))
    second = hands.deliver(tag("new"))

    assert (second.verdict, second.commit) == (DeliveryStatus.UNCHANGED, first.commit)


def test_no_change_is_no_commit(hands: Hands, upstream: Upstream) -> None:
    assert hands.deliver(tag("old")).verdict is DeliveryStatus.NOTHING
    assert upstream.branches() == ["main"]


def test_a_dry_run_shows_the_difference_and_pushes_nothing(hands: Hands, upstream: Upstream) -> None:
    done = hands.deliver(tag("new"), dry_run=True)

    assert done.verdict is DeliveryStatus.DRY_RUN
    assert "+tag: new" in done.diff
    assert upstream.branches() == ["main"]


def test_a_newer_change_replaces_our_own_branch_and_stays_one_commit(hands: Hands, upstream: Upstream) -> None:
    hands.deliver(tag("new"))
    upstream.commit({"README": "y\n"}, "a person's, on main")
    hands.deliver(tag("newer"))

    assert upstream.log(f"main..{OURS}") == ["tag newer"]
    assert upstream.log(f"{OURS}..main") == []


def test_what_a_person_added_to_our_branch_stays(hands: Hands, upstream: Upstream) -> None:
    hands.deliver(tag("new"))
    upstream.commit({"README": "reviewed\n"}, "a person's, on our branch", branch=OURS)
    hands.deliver(tag("newer"))

    assert upstream.log(f"main..{OURS}") == ["tag newer", "a person's, on our branch", "tag new"]
    assert hands.deliver(tag("newer")).verdict is DeliveryStatus.UNCHANGED


def test_a_merged_change_is_nothing_to_change(hands: Hands, upstream: Upstream) -> None:
    hands.deliver(tag("new"))
    upstream.commit({"values.yaml": "# ours\r\ntag: new\r\n"}, "squashed")

    assert hands.deliver(tag("new")).verdict is DeliveryStatus.NOTHING


def test_what_came_meanwhile_stays_below_the_commit(direct: Hands, upstream: Upstream) -> None:
    once = iter([{"README": "y\n"}])
    done = direct.deliver(tag("new", before=lambda: [upstream.commit(files, "a person's") for files in once]))

    assert done.verdict is DeliveryStatus.PUSHED
    assert upstream.log("main") == ["tag new", "a person's", "first"]
    assert upstream.show("main", "README") == "y\n"
    assert any("has changed meanwhile" in said for said in direct.said)


def test_a_branch_that_moves_all_the_time_is_given_up_without_force(direct: Hands, upstream: Upstream) -> None:
    counter = iter(range(99))
    with pytest.raises(PushConflictError, match="others pushed to main before each of 5 pushes"):
        direct.deliver(tag("new", before=lambda: upstream.commit({"README": f"{next(counter)}\n"}, "a person's")))
    assert upstream.log("main") == ["a person's"] * 5 + ["first"]


@pytest.mark.parametrize("mode", ["pull-request", "commit"])
def test_two_bumps_at_once_come_to_one_commit(upstream: Upstream, tmp_path: Path, mode: str) -> None:
    hands, meet = Hands(upstream, tmp_path, mode), threading.Barrier(2)
    both: list[DeliveryResult] = []

    def bump(name: str) -> None:
        once = iter([5.0])
        both.append(hands.deliver(tag("new", before=lambda: [meet.wait(seconds) for seconds in once]), name=name))

    threads = [threading.Thread(target=bump, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(both) == 2
    assert upstream.log("main..HEAD" if mode == "commit" else f"main..{OURS}") == (
        [] if mode == "commit" else ["tag new"]
    )
    assert upstream.log("main") == (["tag new", "first"] if mode == "commit" else ["first"])


def test_a_protected_branch_is_said_with_its_words_and_left_alone(direct: Hands, upstream: Upstream) -> None:
    upstream.refuse("main", "GL-HOOK-ERR: changes need a review")
    with pytest.raises(GitRefusedError, match="GL-HOOK-ERR: changes need a review") as caught:
        direct.deliver(tag("new"))

    assert "set `mode: pull-request`" in caught.value.resolution
    assert upstream.log("main") == ["first"]


@pytest.mark.parametrize("environ", [{}, {"INVOKE_GITOPS_TOKEN": "wrong-4712"}])
def test_who_is_not_let_in_is_told_of_the_token_which_is_never_shown(
    upstream: Upstream, tmp_path: Path, environ: dict[str, str]
) -> None:
    with over_http(upstream) as server, pytest.raises(GitRefusedError, match="INVOKE_GITOPS_TOKEN") as caught:
        Hands(replace(server, environ=environ), tmp_path).deliver(tag("new"))

    assert "wrong-4712" not in str(caught.value) + repr(remote(server.address, environ))


def test_the_token_is_in_no_argument(upstream: Upstream, tmp_path: Path) -> None:
    seen: list[str] = []

    def look() -> None:
        commands = Path("/proc").glob("[0-9]*/cmdline")
        seen.extend(path.read_bytes().decode(errors="replace") for path in commands if path.exists())

    with over_http(upstream) as server:
        Hands(server, tmp_path).deliver(tag("new", before=look))
        config = (tmp_path / "one-0/values/.git/config").read_text()

    assert [text for text in [*seen, config] if TOKEN in text] == []


@pytest.mark.parametrize(
    ("change", "hint"),
    [({"branch": "mian"}, "Correct `branch`"), ({"repository": "/nowhere.git"}, "Correct `repository`")],
)
def test_what_is_not_there_is_corrected_in_the_section(hands: Hands, change: dict[str, str], hint: str) -> None:
    hands.section = hands.section.model_copy(update=change)
    hands.upstream = replace(hands.upstream, address=hands.section.repository)
    with pytest.raises(GitRefusedError) as caught:
        hands.deliver(tag("new"))
    assert hint in caught.value.resolution


def test_an_unknown_key_is_told_to_be_loaded(upstream: Upstream, tmp_path: Path) -> None:
    with over_ssh(upstream, tmp_path / "ssh") as server:
        nobody = server.environ["GIT_SSH_COMMAND"].replace("/user", "/host")
        hands = Hands(replace(server, environ={"GIT_SSH_COMMAND": nobody}), tmp_path)
        with pytest.raises(GitRefusedError, match="ssh-add"):
            hands.deliver(tag("new"))


def test_a_file_that_is_no_text_is_named(hands: Hands, upstream: Upstream) -> None:
    upstream.path.with_name("person").joinpath("values.yaml").write_bytes(b"tag: \xfc\n")
    upstream.commit({}, "bytes")
    with pytest.raises(NotTextError, match=r"values\.yaml: not UTF-8 text"):
        hands.deliver(tag("new"))
