"""Pull requests at a server that answers as GitHub's and GitLab's documentation says."""

from collections.abc import Iterator

import pytest

from lifecycle.tools.forge.api import Advice, ForgeRefusedError, ForgeToken, open_api
from lifecycle.tools.forge.project import ForgeKind, Project
from lifecycle.tools.forge.pull_requests import PullRequests, pull_requests
from tests.support.servers.forge_server import TOKEN, ForgeServer, forge_server

KINDS = list(ForgeKind)
ADVICE = Advice(kept="the branch is pushed", permission="INVOKE_GITOPS_TOKEN has to be allowed it.")
ASKED = {"branch": "bump/values-1.0.0", "base": "main", "title": "t", "body": "b"}


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forge_server() as running:
        yield running


def project(server: ForgeServer, kind: ForgeKind) -> Project:
    return Project(kind=kind, host=server.host, path="group/values", scheme="http")


def open_forge(project: Project, token: str, *, api: str | None) -> PullRequests:
    return pull_requests(project, open_api(project, ForgeToken(token), api=api, advice=ADVICE))


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_is_opened_once_and_then_updated(server: ForgeServer, kind: ForgeKind) -> None:
    forge = open_forge(project(server, kind), TOKEN, api=None)
    first = forge.propose(**ASKED)
    second = forge.propose(**{**ASKED, "title": "newer", "body": "text"})

    assert (first.known, second.known, first.url) == (False, True, second.url)
    assert first.url.startswith(f"http://{server.host}/group/values/")
    assert [(r["branch"], r["base"], r["title"], r["body"]) for r in server.requests] == [
        ("bump/values-1.0.0", "main", "newer", "text")
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_of_another_branch_or_a_closed_one_is_not_taken_for_ours(
    server: ForgeServer, kind: ForgeKind
) -> None:
    forge = open_forge(project(server, kind), TOKEN, api=None)
    forge.propose(**{**ASKED, "branch": "other"})
    forge.propose(**ASKED)
    server.requests[1]["open"] = False
    third = forge.propose(**ASKED)

    assert (third.known, len(server.requests)) == (False, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_somebody_opened_meanwhile_is_updated(server: ForgeServer, kind: ForgeKind) -> None:
    url = f"http://{server.host}/theirs"
    server.rival = {
        "number": 1,
        "iid": 1,
        "html_url": url,
        "web_url": url,
        "branch": ASKED["branch"],
        "base": "main",
        "open": True,
    }
    done = open_forge(project(server, kind), TOKEN, api=None).propose(**ASKED)

    assert (done.known, done.url, server.requests[0]["title"]) == (True, url, "t")


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_is_refused_is_said_and_not_shown(server: ForgeServer, kind: ForgeKind) -> None:
    with pytest.raises(ForgeRefusedError, match=r"401.*(Bad credentials|Unauthorized)") as caught:
        open_forge(project(server, kind), "wrong-4712", api=None).propose(**ASKED)

    assert "INVOKE_GITOPS_TOKEN" in caught.value.resolution
    assert "wrong-4712" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_an_api_elsewhere_is_asked_where_it_is(server: ForgeServer, kind: ForgeKind) -> None:
    where = {"github": "api/v3", "gitlab": "api/v4"}[kind]
    elsewhere = Project(kind=kind, host="git.example.org", path="group/values")
    open_forge(elsewhere, TOKEN, api=f"http://{server.host}/{where}").propose(**ASKED)

    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_forge_that_is_down_is_said_and_what_is_pushed_stays(kind: ForgeKind) -> None:
    with forge_server() as gone:
        pass
    with pytest.raises(ForgeRefusedError, match="the branch is pushed"):
        open_forge(project(gone, kind), TOKEN, api=None).propose(**ASKED)
