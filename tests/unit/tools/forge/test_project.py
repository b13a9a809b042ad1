"""The project at a repository's address, and the addresses of its pages."""

import pytest

from lifecycle.tools.forge.project import ForgeKind, Project, parse_project

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


@pytest.mark.parametrize(
    ("kind", "url"), [(GITHUB, "https://h/g/p/releases/tag/v1.0.0"), (GITLAB, "https://h/g/p/-/releases/v1.0.0")]
)
def test_a_release_has_a_page(kind: ForgeKind, url: str) -> None:
    assert Project(kind=kind, host="h", path="g/p").release_url("v1.0.0") == url


@pytest.mark.parametrize(
    ("kind", "host", "url"),
    [
        (GITHUB, "github.com", "https://api.github.com"),
        (GITHUB, "github.example.org:8443", "https://github.example.org:8443/api/v3"),
        (GITLAB, "gitlab.com", "https://gitlab.com/api/v4"),
    ],
)
def test_the_api_has_an_usual_address(kind: ForgeKind, host: str, url: str) -> None:
    assert Project(kind=kind, host=host, path="g/p").api_url() == url
