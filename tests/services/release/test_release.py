"""`invoke release`: a small image, a real registry, real git repositories, and a process that is really killed."""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx2 as httpx
import pytest

from lifecycle.release.release_plan import Step
from tests.support.checkout import ROOT
from tests.support.checkouts.forge_checkout import declare_release
from tests.support.checkouts.release_checkout import FILE, Checkout, make_checkout, remove_images
from tests.support.git import git
from tests.support.servers.forge_server import TOKEN, ForgeServer, forge_server
from tests.support.servers.git_server import Upstream, bare_repository
from tests.support.servers.registry_server import RegistryServer, registry_server

VALUES = "nvidia-installer/values-1.1.0"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def checkout(registry: RegistryServer, engine: docker.DockerClient, tmp_path: Path) -> Iterator[Checkout]:
    yield make_checkout(tmp_path / "checkout", registry.host, engine, size=1000)
    remove_images(engine, registry.host)


@pytest.fixture
def values(tmp_path: Path) -> Upstream:
    """Return a GitOps repository with the keys that a release sets."""
    image = "  image: {repository: x, digest: x}\n"
    return bare_repository(
        tmp_path / "upstream", {FILE: f"installers:\n- release: debian-12\n  driver: '535'\n  version: x\n{image}"}
    )


@pytest.fixture
def forge(checkout: Checkout, values: Upstream) -> Iterator[ForgeServer]:
    """Start a forge with the GitOps repository and stop it at the end.

    Git replaces the forge's address with the repository's path (git-config(1), url.<base>.insteadOf).
    """
    with forge_server() as running:
        address = "https://github.example.org/team/values.git"
        api = f"{address}\n  api: http://{running.host}/api/v3"
        checkout.edit("component.yaml", {"repository: build/gitops.git": f"repository: {api}"})
        checkout.environ |= {
            "INVOKE_GITOPS_TOKEN": TOKEN,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{values.path}.insteadOf",
            "GIT_CONFIG_VALUE_0": address,
        }
        declare_release(checkout, running, "github")
        yield running


def release_until(checkout: Checkout, step: Step) -> int:
    command = [sys.executable, "-m", "tests.support.release_until", str(checkout.folder), "1.1.0", str(step)]
    return subprocess.run(command, cwd=ROOT, env=checkout.environment(), capture_output=True, check=False).returncode


def test_a_release_killed_after_each_step_ends_with_one_of_everything(
    checkout: Checkout, forge: ForgeServer, values: Upstream, registry: RegistryServer
) -> None:
    for step in Step:
        assert release_until(checkout, step) == -signal.SIGKILL, step
    last = checkout.invoke("release", "--version", "1.1.0")
    url = f"http://{registry.host}/v2/system-services/nvidia-installer/tags/list"

    assert git(checkout.origin, "log", "--format=%s", "main").splitlines()[:2] == [
        "Release nvidia-installer 1.1.0", "a release at a forge"
    ]  # fmt: skip
    assert git(checkout.origin, "tag", "--list").splitlines() == ["v1.1.0"]
    assert git(checkout.origin, "rev-parse", "v1.1.0^{}") == git(checkout.folder, "rev-parse", "HEAD")
    assert values.log(f"main..{VALUES}") == ["nvidia-installer 1.1.0 for debian-12"]
    assert [(r["branch"], r["open"]) for r in forge.requests] == [(VALUES, True)]
    assert [(r["tag_name"], r["draft"]) for r in forge.releases.kept] == [("v1.1.0", False)]
    assert len([tag for tag in httpx.get(url).json()["tags"] if re.search("-[0-9a-f]{12}$", tag)]) == 1
    assert "1.1.0 is released: build/release-notes-1.1.0.md" in last.stderr
    assert checkout.invoke("changed", "--since", "HEAD~1").stdout == ""


def test_a_dry_run_prints_the_plan_and_does_nothing(checkout: Checkout) -> None:
    plan = checkout.json("release", "--version", "1.1.0", "--dry-run")

    assert [step["step"] for step in plan["steps"] if not step["run"]] == [Step.FORGE]
    assert git(checkout.folder, "status", "--porcelain") == ""
    assert git(checkout.origin, "tag", "--list") == ""
    assert not (checkout.folder / "build/release-notes-1.1.0.md").exists()


def test_the_notes_name_the_changes_and_tag_and_changelog_have_the_entry(checkout: Checkout) -> None:
    checkout.invoke("release", "--component", "nvidia-installer")
    first = (checkout.folder / "build/release-notes-1.0.0.md").read_text()
    checkout.edit("CHANGELOG.md", {"## [Unreleased]\n": "## [Unreleased]\n\n### Fixed\n\n- A word.\n"})
    checkout.commit("a word")
    refused = checkout.invoke("release", code=2)
    checkout.invoke("release", "--version", "1.1.0")
    second = (checkout.folder / "build/release-notes-1.1.0.md").read_text()

    assert re.search(r"\| debian-12/\S+ \| `127\S+@sha256:[0-9a-f]{64}` \| new \|", first)
    assert "1.0.0, the version in component.yaml, is released already: name a newer --version" in refused.stderr
    assert second.startswith("# nvidia-installer 1.1.0\n\n### Fixed\n\n- A word.\n\n## Images\n")
    assert "| as in 1.0.0 |" in second
    assert "## Changes of inputs since 1.0.0\n\nNone." in second
    assert "- A word." in git(checkout.folder, "tag", "--list", "--format=%(contents)", "v1.1.0")
    assert "version: 1.1.0\n" in (checkout.folder / "component.yaml").read_text()
    assert "## [Unreleased]\n\n## [1.1.0] - 20" in (checkout.folder / "CHANGELOG.md").read_text()


def test_what_stands_against_it_is_all_said_at_once_and_nothing_is_done(checkout: Checkout) -> None:
    git(checkout.folder, "switch", "--quiet", "--create", "fix")
    checkout.edit("CHANGELOG.md", {"### Added": "### Removed"})
    (checkout.folder / "left").write_text("x")
    checkout.edit("scripts/node/nvidia-installer", {"set -euo pipefail": "set -euo pipefail\n# edited"})
    refused = checkout.invoke("release", "--version", "0.9.0", code=2)

    for said in ("0.9.0 cannot be released:", "CHANGELOG.md", "left", "fix is checked out", "not built: debian-12/"):
        assert said in refused.stderr
    assert git(checkout.origin, "tag", "--list") == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--version", "1.1"), "write three numbers, such as 1.2.0"),
        (("--component", "other"), "this checkout has system-services/nvidia-installer"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(checkout: Checkout, words: tuple[str, ...], said: str) -> None:
    assert said in checkout.invoke("release", *words, code=2).stderr


def test_what_others_pushed_meanwhile_is_pulled_first_and_then_it_goes_on(checkout: Checkout, tmp_path: Path) -> None:
    assert release_until(checkout, Step.COMMIT) == -signal.SIGKILL
    git(tmp_path, "clone", "--quiet", str(checkout.origin), str(tmp_path / "person"))
    (tmp_path / "person/README.md").write_text("x\n")
    git(tmp_path / "person", "add", "--all")
    git(tmp_path / "person", "commit", "--quiet", "--message", "a person's")
    git(tmp_path / "person", "push", "--quiet")
    refused = checkout.invoke("release", "--version", "1.1.0", code=2)
    git(checkout.folder, "pull", "--quiet", "--rebase", "origin", "main")
    checkout.invoke("release", "--version", "1.1.0")

    assert "main at the remote has commits that are not here: `git pull --rebase`" in refused.stderr
    assert git(checkout.origin, "log", "--format=%s", "main").splitlines() == [
        "Release nvidia-installer 1.1.0", "a person's", "first"
    ]  # fmt: skip


def test_files_that_were_written_and_not_committed_are_its_own(checkout: Checkout) -> None:
    """Kill the release between writing and committing, where no step ends."""
    assert release_until(checkout, Step.COMMIT) == -signal.SIGKILL
    git(checkout.folder, "reset", "--quiet", "--mixed", "HEAD~1")
    checkout.invoke("release", "--version", "1.1.0")

    assert git(checkout.origin, "log", "--format=%s", "main").splitlines() == [
        "Release nvidia-installer 1.1.0",
        "first",
    ]


def test_a_commit_alone_as_ci_checks_it_out_is_released(checkout: Checkout) -> None:
    git(checkout.folder, "switch", "--quiet", "--detach")
    checkout.invoke("release", "--version", "1.1.0")

    assert git(checkout.origin, "rev-parse", "main") == git(checkout.folder, "rev-parse", "HEAD")


def test_an_image_in_the_registry_needs_no_engine_and_no_tests_here(checkout: Checkout, tmp_path: Path) -> None:
    checkout.invoke("push")
    shutil.rmtree(tmp_path / "cache" / "nvidia-installer" / "tested")
    checkout.environ["DOCKER_HOST"] = "unix:///nowhere.sock"
    checkout.invoke("release", "--version", "1.1.0")

    assert git(checkout.origin, "tag", "--list") == "v1.1.0"
