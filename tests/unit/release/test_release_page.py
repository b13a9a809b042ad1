"""Tests of the forge and the token for a release's page."""

import pytest

from lifecycle.config.gitops import ReleasePage
from lifecycle.release.release_page import NoForgeError, NoTokenError, find_project, find_token
from lifecycle.tools.forge.project import ForgeKind, Project

OWN, JOB = "glpat-4711", "glcbt-4712"
GITLAB = Project(kind=ForgeKind.GITLAB, host="gitlab.example.org", path="team/gpu")
GITHUB = Project(kind=ForgeKind.GITHUB, host="github.com", path="team/gpu")
IN_A_JOB = {"CI_JOB_TOKEN": JOB, "CI_API_V4_URL": "https://gitlab.example.org/api/v4"}


def test_the_host_s_name_tells_the_forge_and_a_declared_one_counts_more() -> None:
    declared = ReleasePage(forge=ForgeKind.GITLAB)

    assert find_project(ReleasePage(), "git@github.com:team/gpu.git") == GITHUB
    assert find_project(declared, "https://git.example.org/team/gpu").kind is ForgeKind.GITLAB


@pytest.mark.parametrize("address", ["/srv/gpu.git", "https://me:hunter2@git.example.org/team/gpu.git"])
def test_a_remote_of_an_unknown_forge_is_told_without_its_login(address: str) -> None:
    with pytest.raises(NoForgeError, match="no project of a known forge: add `forge: github` or") as caught:
        find_project(ReleasePage(), address)

    assert "hunter2" not in str(caught.value)


def test_the_token_of_the_variable_counts_before_that_of_the_job() -> None:
    token = find_token(GITLAB, None, {**IN_A_JOB, "INVOKE_RELEASE_TOKEN": f"{OWN}\n"})

    assert (token.value, token.is_job) == (OWN, False)


def test_a_job_of_the_same_gitlab_has_a_token() -> None:
    token = find_token(GITLAB, None, IN_A_JOB)

    assert (token.value, token.is_job) == (JOB, True)


@pytest.mark.parametrize(
    ("project", "api", "environ"),
    [
        (GITLAB, None, {}),
        (GITLAB, None, {"INVOKE_RELEASE_TOKEN": " "}),
        (GITLAB, None, {**IN_A_JOB, "CI_API_V4_URL": "https://gitlab.com/api/v4"}),
        (GITLAB, "https://proxy.example.org/api/v4", IN_A_JOB),
        (GITHUB, "https://gitlab.example.org/api/v4", IN_A_JOB),
    ],
)
def test_the_token_of_a_job_goes_to_its_own_gitlab_alone(
    project: Project, api: str | None, environ: dict[str, str]
) -> None:
    with pytest.raises(NoTokenError, match=r"^INVOKE_RELEASE_TOKEN is not set") as caught:
        find_token(project, api, environ)

    assert JOB not in str(caught.value)
