"""`invoke release` with `release` in component.yaml: the page at a forge that answers as GitHub and GitLab document it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.checkouts.forge_checkout import declare_key, declare_release
from tests.support.checkouts.release_checkout import Checkout, make_checkout, remove_images
from tests.support.git import git
from tests.support.servers.forge_server import JOB_TOKEN, TOKEN, ForgeServer, forge_server
from tests.support.servers.registry_server import RegistryServer

RELEASE = ("release", "--version", "1.1.0")
COMMAND = (sys.executable, "-m", "invoke", *RELEASE)
NOTES = "build/release-notes-1.1.0.md"


@pytest.fixture
def forge() -> Iterator[ForgeServer]:
    with forge_server() as running:
        yield running


@pytest.fixture
def checkout(server: RegistryServer, engine: docker.DockerClient, tmp_path: Path) -> Iterator[Checkout]:
    yield make_checkout(tmp_path / "checkout", server.host, engine)
    remove_images(engine, server.host)


def page_step(checkout: Checkout) -> tuple[bool, str]:
    """Return whether the plan has the page of the release, and the reason."""
    steps = checkout.json(*RELEASE, "--dry-run")["steps"]
    (found,) = [step for step in steps if step["step"] == "publish the release"]
    return found["run"], found["reason"]


def documents(forge: ForgeServer) -> dict[str, Any]:
    """Return the files of GitHub's one release as data, by the ends of their names."""
    (release,) = forge.releases.kept
    assert not release["draft"]
    return {file["name"].partition(".01.")[2]: json.loads(file["content"]) for file in release["files"]}


def test_a_release_that_is_killed_between_two_files_is_finished(
    checkout: Checkout, forge: ForgeServer, engine: docker.DockerClient
) -> None:
    declare_key(checkout, engine)
    declare_release(checkout, forge, "github")
    with subprocess.Popen(COMMAND, cwd=checkout.folder, env=checkout.environment(), stderr=subprocess.DEVNULL) as run:

        def kill(name: str) -> None:
            if name.endswith(".cdx.json"):
                forge.releases.cut_off.add(name)
                os.kill(run.pid, signal.SIGKILL)

        forge.releases.on_upload = kill
    left = [(file["name"][-9:], file["state"]) for file in forge.releases.kept[0]["files"]]
    forge.releases.on_upload = lambda _: None
    planned = page_step(checkout)
    done = checkout.invoke(*RELEASE)
    combination = next(line.split()[1] for line in (checkout.folder / NOTES).read_text().splitlines() if "@sha" in line)

    assert (run.returncode, left) == (-signal.SIGKILL, [("spdx.json", "uploaded"), (".cdx.json", "starter")])
    assert planned == (True, "v1.1.0 at git.example.org: notes and SBOMs")
    assert [name[-9:] for name in forge.releases.uploaded] == ["spdx.json", ".cdx.json"]
    assert documents(forge)["spdx.json"]["name"] == combination
    assert documents(forge)["cdx.json"]["bomFormat"] == "CycloneDX"
    assert forge.releases.kept[0]["body"].replace("\r\n", "\n") == (checkout.folder / NOTES).read_text()
    assert "published https://git.example.org/team/gpu/releases/tag/v1.1.0" in done.stderr
    assert page_step(checkout) == (False, "git.example.org has v1.1.0")


def test_the_chart_is_signed_before_its_tag_is_there(
    checkout: Checkout, server: RegistryServer, engine: docker.DockerClient
) -> None:
    declare_key(checkout, engine)
    checkout.commit("a key")
    checkout.invoke(*RELEASE)
    (tag,) = (path for path in server.requests("PUT", 201) if path.endswith("/manifests/1.1.0"))
    written = [path for path in server.requests("PUT", 201) if path.startswith(f"{tag.rpartition('/')[0]}/")]

    assert [path.rpartition(".")[2] for path in written if path.endswith(".sig")] == ["sig"]
    assert written[-1] == tag


def test_a_job_of_gitlab_needs_no_other_token_and_a_changed_page_is_mended(
    checkout: Checkout, forge: ForgeServer, engine: docker.DockerClient
) -> None:
    declare_key(checkout, engine)
    declare_release(checkout, forge, "gitlab")
    del checkout.environ["INVOKE_RELEASE_TOKEN"]
    checkout.environ |= {"CI_JOB_TOKEN": JOB_TOKEN, "CI_API_V4_URL": f"http://{forge.host}/api/v4"}
    checkout.invoke(*RELEASE)
    (release,) = forge.releases.kept
    release["description"] = "Somebody's."
    removed = release["assets"]["links"].pop()
    planned = page_step(checkout)
    checkout.invoke(*RELEASE)

    assert planned == (True, f"v1.1.0 at git.example.org lacks {removed['name']}, the notes")
    assert release["description"] == (checkout.folder / NOTES).read_text()
    assert [link["name"][-9:] for link in release["assets"]["links"]] == ["spdx.json", ".cdx.json"]
    assert len(forge.releases.uploaded) == 2


def test_without_a_key_the_page_has_notes_alone_and_that_is_said(checkout: Checkout, forge: ForgeServer) -> None:
    declare_release(checkout, forge, "github")
    summary = checkout.folder.with_name("summary.md")
    checkout.environ["GITHUB_STEP_SUMMARY"] = str(summary)
    planned = page_step(checkout)
    done = checkout.invoke(*RELEASE)

    assert summary.read_text().startswith("### system-services/nvidia-installer 1.1.0\n\n|  | step | why |\n")
    assert planned[1] == "v1.1.0 at git.example.org: notes alone, because component.yaml has no attest"
    assert "the release has no SBOMs, because component.yaml has no `attest`" in done.stderr
    assert documents(forge) == {}


def test_notes_that_are_too_long_are_shortened_and_a_file_has_all(checkout: Checkout, forge: ForgeServer) -> None:
    lines = "".join(f"- A change with the number {number}.\n" for number in range(3_800))
    checkout.edit("CHANGELOG.md", {"## [Unreleased]\n": f"## [Unreleased]\n\n{lines}"})
    declare_release(checkout, forge, "github")
    checkout.invoke(*RELEASE)
    notes, (release,) = (checkout.folder / NOTES).read_text(), forge.releases.kept

    assert len(notes) > 125_000
    assert "release-notes-1.1.0.md, a file of this release, has all of them" in release["body"]
    assert [(file["name"], file["content"]) for file in release["files"]] == [("release-notes-1.1.0.md", notes)]
    assert page_step(checkout)[0] is False


def test_a_release_without_a_token_is_blocked_before_anything_is_done(checkout: Checkout, forge: ForgeServer) -> None:
    declare_release(checkout, forge, "github")
    del checkout.environ["INVOKE_RELEASE_TOKEN"]
    refused = checkout.invoke(*RELEASE, code=2)

    assert (
        "1.1.0 cannot be released:\n  INVOKE_RELEASE_TOKEN is not set, and `release` in component.yaml"
        in refused.stderr
    )
    assert git(checkout.origin, "tag", "--list") == ""
    assert forge.asked == []


def test_a_forge_that_refuses_stops_the_release_which_then_goes_on(checkout: Checkout, forge: ForgeServer) -> None:
    declare_release(checkout, forge, "github")
    checkout.environ |= {"INVOKE_RELEASE_TOKEN": "wrong-4712", "INVOKE_DEBUG": "1"}
    refused = subprocess.run(
        COMMAND, cwd=checkout.folder, env=checkout.environment(), capture_output=True, text=True, check=False
    )
    checkout.environ["INVOKE_RELEASE_TOKEN"] = TOKEN
    done = checkout.invoke(*RELEASE)
    said = refused.stdout + refused.stderr + done.stdout + done.stderr

    assert refused.returncode == 1
    assert "releases/tags/v1.1.0: 401 after" in refused.stderr
    assert "git.example.org: cannot read the release v1.1.0\n  it answered 401 Unauthorized: Bad cred" in refused.stderr
    assert "INVOKE_RELEASE_TOKEN has to be allowed to write releases" in refused.stderr
    assert [release["draft"] for release in forge.releases.kept] == [False]
    assert not any(secret in said for secret in ("wrong-4712", TOKEN))


def test_an_image_that_is_not_verified_has_no_sbom_and_the_release_stops(
    checkout: Checkout, forge: ForgeServer, engine: docker.DockerClient
) -> None:
    checkout.invoke("push")
    declare_key(checkout, engine)
    declare_release(checkout, forge, "github")
    refused = checkout.invoke(*RELEASE, code=1)
    checkout.invoke("push")
    checkout.invoke(*RELEASE)

    assert "is not verified\n  the image is not signed" in refused.stderr
    assert "Run `invoke push`, which signs" in refused.stderr
    assert set(documents(forge)) == {"spdx.json", "cdx.json"}


def test_an_undeclared_page_asks_no_forge(checkout: Checkout) -> None:
    checkout.environ["INVOKE_RELEASE_TOKEN"] = TOKEN

    assert page_step(checkout) == (False, "component.yaml has no release")
