"""Releases at a server that answers as GitHub's and GitLab's documentation says."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lifecycle.tools.forge.api import Advice, ForgeRefusedError, ForgeToken, open_api
from lifecycle.tools.forge.github_releases import GitHubReleases
from lifecycle.tools.forge.gitlab_releases import GitLabReleases
from lifecycle.tools.forge.project import ForgeKind, Project
from lifecycle.tools.forge.releases import Asset, Releases, WantedRelease
from lifecycle.tools.network.retries import RetryPolicy
from tests.support.servers.forge_server import JOB_TOKEN, TOKEN, ForgeServer, forge_server

KINDS = list(ForgeKind)
BOTH = pytest.mark.parametrize("kind", KINDS)
ONE = Asset(name="a_1.0.spdx.json", content=b'{"a": 1}\n')
TWO = Asset(name="a_1.0.cdx.json", content=b'{"b": 2}\n')
WANTED = WantedRelease(
    tag="v1.0.0", title="gpu 1.0.0", notes="# gpu\n\nText.\n", assets=(ONE, TWO), package="gpu", version="1.0.0"
)


@pytest.fixture
def server() -> Iterator[ForgeServer]:
    with forge_server() as running:
        yield running


def open_releases(server: ForgeServer, kind: ForgeKind, token: ForgeToken | None = None) -> Releases:
    project = Project(kind=kind, host=server.host, path="team/gpu", scheme="http")
    advice = Advice(permission="INVOKE_RELEASE_TOKEN has to be allowed it.")
    policy = RetryPolicy(wait=lambda _: None)
    api = open_api(project, token or ForgeToken(TOKEN), api=None, advice=advice, policy=policy)
    return GitHubReleases(project, api) if kind is ForgeKind.GITHUB else GitLabReleases(project, api)


def publish(server: ForgeServer, kind: ForgeKind, wanted: WantedRelease = WANTED) -> None:
    open_releases(server, kind).publish(wanted, lambda _: None)


def files(server: ForgeServer, kind: ForgeKind) -> dict[str, str]:
    """Return the content of the files that people find in the one release."""
    (release,) = server.releases.kept
    if kind is ForgeKind.GITHUB:
        return {file["name"]: file["content"] for file in release["files"] if file["state"] == "uploaded"}
    stored = {file["file_name"]: file["content"] for file in server.releases.packages["gpu", "1.0.0"]}
    at = f"http://{server.host}/api/v4/projects/team%2Fgpu/packages/generic/gpu/1.0.0"
    links = {link["name"]: link["url"] for link in release["assets"]["links"]}
    assert links == {name: f"{at}/{name}" for name in links}
    return {name: stored[name] for name in links}


@BOTH
def test_a_release_has_its_title_notes_and_files(server: ForgeServer, kind: ForgeKind) -> None:
    releases = open_releases(server, kind)
    before = (releases.exists("v1.0.0"), releases.differences(WANTED))
    publish(server, kind)

    assert before == (False, ["the release"])
    assert (releases.exists("v1.0.0"), releases.differences(WANTED)) == (True, [])
    assert (server.releases.kept[0]["name"], server.releases.kept[0].get("draft")) in (
        ("gpu 1.0.0", False),
        ("gpu 1.0.0", None),
    )
    assert files(server, kind) == {ONE.name: '{"a": 1}\n', TWO.name: '{"b": 2}\n'}


@BOTH
def test_a_complete_release_is_not_changed(server: ForgeServer, kind: ForgeKind) -> None:
    publish(server, kind)
    server.asked.clear()
    publish(server, kind)

    assert {method for method, _ in server.asked} == {"GET"}


@BOTH
def test_new_notes_are_written_and_the_files_stay(server: ForgeServer, kind: ForgeKind) -> None:
    publish(server, kind)
    newer = replace(WANTED, notes="Newer.\n")
    lacking = open_releases(server, kind).differences(newer)
    publish(server, kind, newer)
    (release,) = server.releases.kept

    assert lacking == ["the notes"]
    assert (release.get("body") or release["description"]).strip() == "Newer."
    assert server.releases.uploaded == [ONE.name, TWO.name]


@BOTH
def test_a_missing_file_is_uploaded_alone(server: ForgeServer, kind: ForgeKind) -> None:
    publish(server, kind, replace(WANTED, assets=(ONE,)))
    lacking = open_releases(server, kind).differences(WANTED)
    publish(server, kind)

    assert lacking == [TWO.name]
    assert server.releases.uploaded == [ONE.name, TWO.name]
    assert set(files(server, kind)) == {ONE.name, TWO.name}


@BOTH
@pytest.mark.parametrize(("digests", "content"), [(True, b'{"a": 9}\n'), (False, b'{"a": 99}\n')])
def test_a_file_with_other_content_is_replaced(
    server: ForgeServer, kind: ForgeKind, digests: bool, content: bytes
) -> None:
    server.releases.digests = digests
    publish(server, kind)
    newer = replace(WANTED, assets=(replace(ONE, content=content), TWO))
    lacking = open_releases(server, kind).differences(newer)
    publish(server, kind, newer)

    assert lacking == [ONE.name]
    assert files(server, kind) == {ONE.name: content.decode(), TWO.name: '{"b": 2}\n'}
    assert open_releases(server, kind).differences(newer) == []


@BOTH
def test_an_upload_that_breaks_off_is_finished_later(server: ForgeServer, kind: ForgeKind) -> None:
    server.releases.cut_off.add(TWO.name)
    with pytest.raises(ForgeRefusedError, match=f"cannot upload {TWO.name}\n"):
        publish(server, kind)
    seen = open_releases(server, kind).exists("v1.0.0")
    server.releases.cut_off.clear()
    publish(server, kind)

    assert not seen
    assert server.releases.uploaded == [ONE.name, TWO.name]
    assert set(files(server, kind)) == {ONE.name, TWO.name}
    assert len(server.releases.kept) == 1


@BOTH
@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, b'{"message": "Bad credentials"}', "401 Unauthorized: Bad credentials\nINVOKE_RELEASE_TOKEN has to"),
        (403, b'{"message": "Forbidden"}', "403 Forbidden: Forbidden\nINVOKE_RELEASE_TOKEN has to"),
        (422, b'{"message": "Validation Failed", "errors": [{"field": "tag_name", "code": "invalid"}]}',
         "422 Unprocessable Entity: Validation Failed; tag_name invalid\nRun the command again"),
        (500, b"<html>", "500 Internal Server Error: no JSON, but a page of something else\nRun the command again"),
        (200, b"<html>Sign in</html>", "200 OK: no JSON, but a page of something else\nRun the command again"),
        (200, b"[]", "its answer has another form"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence_with_what_to_do(
    server: ForgeServer, kind: ForgeKind, status: int, body: bytes, said: str
) -> None:
    # A server's error is asked for four times.
    server.refusals = [(status, body)] * 4
    with pytest.raises(ForgeRefusedError) as caught:
        open_releases(server, kind).exists("v1.0.0")

    assert str(caught.value).startswith(f"{server.host}: cannot read the release v1.0.0\n")
    assert said in str(caught.value)
    assert TOKEN not in repr(caught.value) + str(caught.value)


def test_a_foreign_address_for_uploads_gets_no_token(server: ForgeServer) -> None:
    with forge_server() as foreign:
        server.releases.uploads = f"http://{foreign.host}"
        with pytest.raises(ForgeRefusedError, match=f"an address of another host, http://{foreign.host}/"):
            publish(server, ForgeKind.GITHUB)

        assert foreign.asked == []


def test_a_locked_release_is_refused_as_the_forge_says(server: ForgeServer) -> None:
    server.releases.immutable = True
    publish(server, ForgeKind.GITHUB)
    publish(server, ForgeKind.GITHUB)
    with pytest.raises(ForgeRefusedError, match="Cannot upload assets to an immutable release"):
        publish(server, ForgeKind.GITHUB, replace(WANTED, assets=(ONE, TWO, replace(ONE, name="other.json"))))


def test_a_draft_behind_many_releases_is_found(server: ForgeServer) -> None:
    server.releases.cut_off.add(ONE.name)
    with pytest.raises(ForgeRefusedError):
        publish(server, ForgeKind.GITHUB)
    (draft,) = server.releases.kept
    others = [{**draft, "id": number, "tag_name": f"v0.{number}.0", "draft": False} for number in range(2, 202)]
    server.releases.kept[:] = [*others, draft]
    publish(server, ForgeKind.GITHUB)

    assert (len(server.releases.kept), draft["draft"]) == (201, False)


def test_the_token_of_a_job_is_sent_as_such(server: ForgeServer) -> None:
    releases = open_releases(server, ForgeKind.GITLAB, ForgeToken(JOB_TOKEN, is_job=True))
    releases.publish(WANTED, lambda _: None)

    assert releases.differences(WANTED) == []


def test_a_link_that_leads_elsewhere_is_corrected(server: ForgeServer) -> None:
    publish(server, ForgeKind.GITLAB)
    server.releases.kept[0]["assets"]["links"][0]["url"] = "https://elsewhere.example/x"
    lacking = open_releases(server, ForgeKind.GITLAB).differences(WANTED)
    publish(server, ForgeKind.GITLAB)

    assert lacking == [ONE.name]
    assert set(files(server, ForgeKind.GITLAB)) == {ONE.name, TWO.name}


def test_a_package_with_a_longer_name_is_another_one(server: ForgeServer) -> None:
    longer = replace(WANTED, package="gpu-tools", tag="v1.0.0-tools")
    publish(server, ForgeKind.GITLAB, longer)

    assert open_releases(server, ForgeKind.GITLAB).differences(replace(WANTED, tag="v1.0.0-tools"))[:2] == [
        ONE.name,
        TWO.name,
    ]
