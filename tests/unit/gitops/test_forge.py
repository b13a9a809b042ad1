from collections.abc import Iterator

import pytest

from lifecycle.config.gitops import ForgeKind
from lifecycle.gitops.forge import Project, open_forge, parse_project
from lifecycle.gitops.forge_api import ForgeRefusedError
from lifecycle.tools.network.retries import RetryPolicy
from tests.support.servers.faulty_server import FaultyServer, faulty_server

GITHUB, GITLAB = ForgeKind.GITHUB, ForgeKind.GITLAB


@pytest.mark.parametrize(
    ("address", "kind", "project"),
    [
        ("https://github.com/team/values.git", None, Project(kind=GITHUB, host="github.com", path="team/values")),
        ("https://user@github.example.org/team/values", None, Project(kind=GITHUB, host="github.example.org", path="team/values")),
        ("git@github.com:team/values.git", None, Project(kind=GITHUB, host="github.com", path="team/values")),
        ("ssh://git@gitlab.example:2222/a/b/values.git/", None, Project(kind=GITLAB, host="gitlab.example", path="a/b/values")),
        ("https://git.example.org:8443/a/values", GITLAB, Project(kind=GITLAB, host="git.example.org:8443", path="a/values")),
        ("https://git.example.org/a/values", None, None),
        ("/srv/git/github/values.git", None, None),
        ("build/gitops.git", GITHUB, None),
    ],
)  # fmt: skip
def test_a_repository_s_address_says_which_project_it_is(
    address: str, kind: ForgeKind | None, project: Project | None
) -> None:
    assert parse_project(address, kind) == project


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        (GITHUB, "https://h/g/p/compare/main...a/b?expand=1"),
        (
            GITLAB,
            "https://h/g/p/-/merge_requests/new?merge_request%5Bsource_branch%5D=a%2Fb&merge_request%5Btarget_branch%5D=main",
        ),
    ],
)
def test_where_a_person_makes_a_request_by_hand(kind: ForgeKind, url: str) -> None:
    assert Project(kind=kind, host="h", path="g/p").compare_url("main", "a/b") == url


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        running.page = b"[]"
        yield running


def propose(server: FaultyServer, waits: list[float]) -> None:
    project = Project(kind=GITLAB, host=server.address.removeprefix("http://"), path="g/p", scheme="http")
    forge = open_forge(project, "t", api=None, policy=RetryPolicy(wait=waits.append))
    forge.propose(branch="b", base="main", title="t", body="x")


@pytest.mark.parametrize("step", ["429 7", "503 7"])
def test_a_forge_that_is_busy_is_waited_for_as_it_asks(server: FaultyServer, step: str) -> None:
    waits: list[float] = []
    server.script = [step, "200", step, "500"]
    with pytest.raises(ForgeRefusedError, match="it answered 500"):
        propose(server, waits)

    assert waits == [7, 7]
    assert server.methods == ["GET", "GET", "POST", "POST", "GET"]


@pytest.mark.parametrize("step", ["reset", "502", "504"])
def test_a_request_that_may_be_open_is_looked_for_and_not_opened_again(server: FaultyServer, step: str) -> None:
    server.script = ["200", step]
    with pytest.raises(ForgeRefusedError, match="cannot open a merge request; the branch is pushed"):
        propose(server, [])

    assert server.methods == ["GET", "POST", "GET"]


def test_a_forge_that_asks_for_an_hour_is_an_error_that_says_so(server: FaultyServer) -> None:
    server.script = ["429 3600"]
    with pytest.raises(ForgeRefusedError, match="it answered 429 Too Many Requests, to be tried again in 3600 s"):
        propose(server, [])


def test_an_answer_that_is_no_json_is_told_by_its_status(server: FaultyServer) -> None:
    server.page = b"<html>Sign in</html>"
    server.script = ["200"]
    with pytest.raises(ForgeRefusedError, match="it answered 200 OK: no JSON"):
        propose(server, [])


@pytest.mark.parametrize("page", [b'{"message": "moved"}', b'[{"iid": "x"}]', b"5", b"[" * 100_000])
def test_an_answer_of_another_form_is_one_sentence(server: FaultyServer, page: bytes) -> None:
    server.page = page
    server.script = ["200"]
    with pytest.raises(ForgeRefusedError, match="cannot list the merge requests; the branch is pushed"):
        propose(server, [])


def test_errors_of_another_form_are_shown_as_far_as_they_go(server: FaultyServer) -> None:
    server.page = b'{"message": "no", "errors": 5}'
    server.script = ["404"]
    with pytest.raises(ForgeRefusedError, match="it answered 404 Not Found: no"):
        propose(server, [])
