"""Tests that pruning a real registry removes retired images, and nothing else."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.builders.push_session import invoke
from tests.support.checkouts.prune_checkout import RETIRED, PruneCheckout
from tests.support.servers.git_server import bare_repository
from tests.support.servers.registry_server import RegistryServer, registry_server


@pytest.fixture
def session(server: RegistryServer, tmp_path: Path) -> Iterator[PruneCheckout]:
    with closing(PruneCheckout(server.host, tmp_path)) as made:
        yield made


def pushed(session: PruneCheckout, *tags: str, **changes: str) -> str:
    """Make an image and push it under tags; returns its digest."""
    session.image(*tags, **changes)  # type: ignore[arg-type]
    (digest,) = {session.push(tag) for tag in tags}
    return digest


def test_retired_manifests_go_once_with_all_their_tags_and_the_others_stay(
    session: PruneCheckout, server: RegistryServer
) -> None:
    retired = pushed(session, "a", "b", "c", combination=RETIRED)
    pushed(session, "current")
    pushed(session, "superseded", inputs="old")
    pushed(session, "others", combination=RETIRED, component="another-component")
    said = session.prune("--registry")
    (one,) = (one for one in said["images"] if one["place"] == "registry")

    assert (one["image"], sorted(one["tags"]), one["kept"]) == (retired, ["a", "b", "c"], "")
    assert server.requests("DELETE", 202) == [f"/v2/{session.repository}/manifests/{retired}"]
    assert server.tags() == ["current", "others", "superseded"]
    assert session.prune("--registry")["images"] == []


def test_without_being_asked_to_the_registry_is_left_alone(session: PruneCheckout, server: RegistryServer) -> None:
    pushed(session, "a", combination=RETIRED)
    session.prune()
    session.prune("--registry", "--dry-run")

    assert server.tags() == ["a"]


def test_images_named_on_any_gitops_branch_stay_in_the_registry(
    session: PruneCheckout, server: RegistryServer, tmp_path: Path
) -> None:
    by_digest = pushed(session, "a", combination=RETIRED)
    pushed(session, "550-by-tag", combination=RETIRED)
    pushed(session, "gone", combination=RETIRED)
    upstream = bare_repository(tmp_path / "upstream", {"values.yaml": "tag: 550-by-tag\n"})
    upstream.commit({"values.yaml": f"digest: {by_digest}\n"}, "a canary's", branch="canary")
    component = session.checkout / "component.yaml"
    component.write_text(component.read_text().replace("build/gitops.git", str(upstream.path)))
    said = session.prune("--registry")
    kept = {one["kept"] for one in said["images"] if one["place"] == "registry" and one["tags"] != ["gone"]}

    assert server.tags() == ["550-by-tag", "a"]
    assert kept == {"GitOps refers to it"}


@pytest.mark.parametrize("address", ["https://127.0.0.1:1/values.git", "/nowhere/values.git"])
def test_nothing_is_removed_while_the_gitops_repository_does_not_answer(
    session: PruneCheckout, server: RegistryServer, address: str
) -> None:
    pushed(session, "a", combination=RETIRED)
    component = session.checkout / "component.yaml"
    component.write_text(component.read_text().replace("build/gitops.git", address))
    refused = invoke(session.checkout, "prune", "--registry", "--cache-dir", str(session.folder / "cache"))

    assert (refused.returncode, server.tags(), session.there(f"{session.name}:a")) == (1, ["a"], True)
    assert f"{address}: cannot read it" in refused.stderr


def test_a_repository_that_is_not_there_has_nothing_to_remove(session: PruneCheckout) -> None:
    assert session.prune("--registry")["images"] == []


def test_a_registry_without_deletion_gives_one_sentence_and_keeps_all(tmp_path: Path) -> None:
    with (
        registry_server(tmp_path / "registry", deletes=False) as server,
        closing(PruneCheckout(server.host, tmp_path)) as session,
    ):
        pushed(session, "a", combination=RETIRED)
        failed = invoke(session.checkout, "prune", "--registry", "--cache-dir", str(tmp_path / "cache"))

        assert failed.returncode == 1
        assert failed.stdout == ""
        assert failed.stderr == (
            f"error: the registry {server.host} does not allow deletion: turn it on there "
            "(Docker's: storage.delete.enabled), or leave out --registry\n"
        )
        assert server.tags() == ["a"]
        assert session.there(f"{session.name}:a")
