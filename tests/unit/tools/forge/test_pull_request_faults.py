"""Pull requests at a forge that is busy, damaged or in the way."""

from collections.abc import Iterator

import pytest

from lifecycle.tools.forge.api import Advice, ForgeRefusedError, ForgeToken, open_api
from lifecycle.tools.forge.project import ForgeKind, Project
from lifecycle.tools.forge.pull_requests import pull_requests
from lifecycle.tools.network.retries import RetryPolicy
from tests.support.servers.faulty_server import FaultyServer, faulty_server


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        running.page = b"[]"
        yield running


def propose(server: FaultyServer, waits: list[float]) -> None:
    project = Project(kind=ForgeKind.GITLAB, host=server.address.removeprefix("http://"), path="g/p", scheme="http")
    advice = Advice(kept="the branch is pushed", permission="x")
    api = open_api(project, ForgeToken("t"), api=None, advice=advice, policy=RetryPolicy(wait=waits.append))
    pull_requests(project, api).propose(branch="b", base="main", title="t", body="x")


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
