"""`invoke bump-gitops`, `bump-pools` and `status`: a real registry, a real image, real git repositories."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import yaml

from tests.support.checkout import ROOT
from tests.support.checkouts.release_checkout import FILE, SHOOT, Checkout, pushed_checkout
from tests.support.git import git
from tests.support.servers.forge_server import TOKEN, ForgeServer, forge_server
from tests.support.servers.git_server import bare_repository

OURS = "nvidia-installer/values-1.0.0"


@pytest.fixture(scope="module")
def template(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Return a checkout whose image is in the registry. The tests copy the checkout."""
    with pushed_checkout(tmp_path_factory.mktemp("template"), engine) as made:
        yield made


@pytest.fixture
def checkout(template: Checkout, tmp_path: Path) -> Checkout:
    shutil.copytree(template.folder, tmp_path / "checkout")
    return Checkout(tmp_path / "checkout", dict(template.environ))


@pytest.fixture
def forge() -> Iterator[ForgeServer]:
    with forge_server() as running:
        yield running


def values(checkout: Checkout, revision: str, file: str = FILE) -> dict[str, object]:
    return dict(yaml.safe_load(git(checkout.values, "show", f"{revision}:{file}")))


def test_nothing_is_bumped_that_the_registry_does_not_have(checkout: Checkout) -> None:
    checkout.edit("component.yaml", {"repository: system": "repository: elsewhere/system"})
    refused = checkout.invoke("bump-gitops", code=1)

    assert "the registry does not have the images" in refused.stderr
    assert "debian-12/" in refused.stderr
    assert not checkout.values.exists()


def test_a_newcomer_sees_the_embedded_repository_and_its_branch(checkout: Checkout) -> None:
    digest = checkout.json("push")[0]["digest"]
    done = checkout.invoke("bump-gitops")

    assert f"+    digest: {digest}" in done.stdout
    assert f"git -C build/gitops.git log -p main..{OURS}" in done.stderr
    assert values(checkout, OURS)["installers"] == [
        {
            "release": "debian-12",
            "driver": "535",
            "version": "535.309.01",
            "image": {"repository": checkout.json("push")[0]["reference"].partition("@")[0], "digest": digest},
        }
    ]
    assert digest not in str(values(checkout, "main"))
    assert f"digest: none yet → {digest}" in git(checkout.values, "log", "-1", "--format=%B", OURS)


def test_a_second_bump_and_one_after_the_merge_change_nothing(checkout: Checkout) -> None:
    first = checkout.json("bump-gitops")
    second = checkout.json("bump-gitops")
    git(checkout.values, "update-ref", "refs/heads/main", OURS)
    third = checkout.json("bump-gitops")

    assert [(first["verdict"], second["verdict"], third["verdict"])] == [
        ("pushed", "there already", "nothing to change")
    ]
    assert (first["commit"], third["commit"]) == (second["commit"], "")


def test_a_dry_run_shows_the_difference_and_pushes_nothing(checkout: Checkout) -> None:
    shown = checkout.invoke("bump-gitops", "--dry-run")

    assert "+++ b/services/nvidia-installer/values/debian-12.yaml" in shown.stdout
    assert not checkout.values.exists()


def test_a_file_and_a_key_that_are_missing_are_said_and_nothing_is_pushed(checkout: Checkout, tmp_path: Path) -> None:
    upstream = bare_repository(
        tmp_path / "upstream", {FILE: "installers:\n- {release: debian-12, driver: 535, image: {}}\n"}
    )
    checkout.edit("component.yaml", {"repository: build/gitops.git": f"repository: {upstream.path}"})
    key = checkout.invoke("bump-gitops", code=2)
    checkout.edit("component.yaml", {"file: services": "file: nowhere"})
    file = checkout.invoke("bump-gitops", code=2)

    item = "installers[release=debian-12,driver=535]"
    assert f"{FILE}: there is no `{item}.version`: `{item}` has release, driver, image" in key.stderr
    assert "nowhere/nvidia-installer/values/debian-12.yaml: the repository has no such file" in file.stderr
    assert upstream.branches() == ["main"]


ITEM = "{release: debian-12, driver: 535, version: x, image: {repository: x, digest: x}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"installers:\n- {ITEM}\nsops: {{mac: 'ENC[x]'}}\n",
            f"{FILE}:3: the MAC of SOPS covers all values of this file",
        ),
        (f"a: &a {ITEM}\ninstallers:\n- *a\n", f"{FILE}:3: "),
        (f"installers:\n- {ITEM}\ninstallers: []\n", f"{FILE}: the key `installers` is on lines 1 and 3"),
        ("a: " + "[" * 1000, f"{FILE}:1:103: it is more than 100 levels deep: flatten it"),
    ],
    ids=["sops", "alias", "doubled key", "deep"],
)
def test_a_place_that_is_not_safe_to_edit_is_one_sentence(
    checkout: Checkout, tmp_path: Path, text: str, message: str
) -> None:
    upstream = bare_repository(tmp_path / "upstream", {FILE: text})
    checkout.edit("component.yaml", {"repository: build/gitops.git": f"repository: {upstream.path}"})
    refused = checkout.invoke("bump-gitops", code=2)

    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert upstream.branches() == ["main"]


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_the_pull_request_is_opened_and_the_same_one_is_updated(
    checkout: Checkout, forge: ForgeServer, tmp_path: Path, kind: str
) -> None:
    # The first task that writes to the repository makes it.
    checkout.invoke("bump-pools")
    api = {"github": "api/v3", "gitlab": "api/v4"}[kind]
    # git goes to a path in the stead of the forge's address (git-config(1), url.<base>.insteadOf).
    address = f"https://{kind}.example.org/team/values.git"
    checkout.edit(
        "component.yaml", {"repository: build/gitops.git": f"repository: {address}\n  api: http://{forge.host}/{api}"}
    )
    checkout.environ |= {
        "INVOKE_GITOPS_TOKEN": TOKEN,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{checkout.values}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }
    first = checkout.json("bump-gitops")
    second = checkout.json("bump-gitops")

    assert first["pull_request"]["url"] == second["pull_request"]["url"]
    assert (first["pull_request"]["known"], second["pull_request"]["known"]) == (False, True)
    assert [(r["branch"], r["base"], r["title"]) for r in forge.requests] == [
        (OURS, "main", "nvidia-installer 1.0.0 for debian-12")
    ]
    assert "digest: none yet → sha256:" in forge.requests[0]["body"]
    del checkout.environ["INVOKE_GITOPS_TOKEN"]
    assert f"{kind}.example.org/team/values/" in checkout.invoke("bump-gitops").stderr


def test_pools_count_up_once_and_retire_when_asked_for(checkout: Checkout) -> None:
    warned = checkout.invoke("bump-pools")
    git(checkout.values, "update-ref", "refs/heads/main", "nvidia-installer/pools-1.0.0")
    again = checkout.json("bump-pools")
    pools = values(checkout, "main", SHOOT)["spec"]["provider"]["workers"]  # type: ignore[index]

    assert "merge what `invoke bump-gitops` pushed first" in warned.stderr
    assert "infer-v2" in warned.stdout
    assert again["verdict"] == "nothing to change"
    assert [pool["name"] for pool in pools] == ["infer-v1", "infer-v2"]
    assert pools[1]["machine"] == {"image": {"version": "12"}}
    assert pools[1]["labels"] == {"os-version": "debian-12", "nvidia-driver": "535"}
    retired = checkout.json("bump-pools", "--retire")
    (left,) = values(checkout, "nvidia-installer/retired-pools-1.0.0", SHOOT)["spec"]["provider"]["workers"]  # type: ignore[index]
    assert (retired["verdict"], left["name"]) == ("pushed", "infer-v2")


def test_pools_of_several_combinations_are_refused(checkout: Checkout) -> None:
    checkout.edit("component.yaml", {"    - 535\n": "    - 535\n    - 550.163.01\n"})
    shutil.copy(ROOT / "versions.lock", checkout.folder)
    refused = checkout.invoke("bump-pools", code=2)

    assert "gitops.pools: `only: previous` selects debian-12/" in refused.stderr


def test_status_says_how_far_it_is_and_what_is_next(
    checkout: Checkout, engine: docker.DockerClient, tmp_path: Path
) -> None:
    def seen() -> tuple[str, str, str]:
        (row,) = checkout.json("status")
        return row["gitops"], ", ".join(row["pools"]), row["next"]

    # With another name in the registry it is not there yet, and not tested.
    checkout.edit("component.yaml", {"repository: system": "repository: status/system"})
    assert seen()[2] == "invoke build"
    del checkout.environ["XDG_CACHE_HOME"]
    checkout.invoke("build")
    checkout.environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    assert seen()[2] == "nox -s test_images"
    checkout.note_tested(engine)
    assert seen()[2] == "invoke push"
    checkout.invoke("push")
    assert seen() == ("", "", "invoke bump-gitops")
    checkout.invoke("bump-gitops")
    assert seen() == ("proposed", "", f"merge {OURS}")
    git(checkout.values, "update-ref", "refs/heads/main", OURS)
    assert seen() == ("merged", "", "invoke bump-pools")
    checkout.invoke("bump-pools")
    git(checkout.values, "update-ref", "refs/heads/main", "nvidia-installer/pools-1.0.0")
    assert seen() == ("merged", "infer-v2", "")
    assert "sha256:" in checkout.invoke("status").stdout
    checkout.invoke("report")
    page = (checkout.folder / "build/report/index.html").read_text()
    assert 'aria-label="built, tested, not kernel booted, pushed, merged in GitOps"' in page
    assert "in infer-v2" in page


def test_status_says_what_it_cannot_know(checkout: Checkout) -> None:
    checkout.edit("component.yaml", {"repository: build/gitops.git": "repository: /nowhere.git"})
    checkout.edit("component.yaml", {'registry: "127': 'registry: "127.0.0.1:1" # '})
    done = checkout.invoke("status", "--json")

    assert '"pushed": "unknown"' in done.stdout
    assert "WARNING: the registry 127.0.0.1:1: cannot reach" in done.stderr
