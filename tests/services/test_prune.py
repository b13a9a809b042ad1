"""Tests that pruning a real engine removes the images that are not needed, and nothing else."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from tests.support.builders.push_session import invoke
from tests.support.checkouts.prune_checkout import RETIRED, PruneCheckout

MB = 1_000_000


@pytest.fixture
def session(tmp_path: Path) -> Iterator[PruneCheckout]:
    # Nobody is asked there: the engine alone is pruned.
    with closing(PruneCheckout(f"registry-{os.getpid()}.invalid", tmp_path)) as made:
        yield made


def test_retired_and_superseded_images_go_and_the_others_stay(session: PruneCheckout) -> None:
    retired, nameless = session.image("a", "b", combination=RETIRED), session.image(combination=RETIRED)
    superseded = session.image(inputs="old")
    current, again, named = session.image("c"), session.image(), session.image("d", inputs="old")
    others = session.image("e", combination=RETIRED, component="another-component")
    said = session.prune()

    assert {one["image"]: one["reason"] for one in said["images"]} == {
        retired: "its combination is not in the matrix",
        nameless: "its combination is not in the matrix",
        superseded: "its inputs have changed and it has no name",
    }
    assert [session.there(image) for image in (retired, nameless, superseded)] == [False] * 3
    assert [session.there(image) for image in (current, again, named, others)] == [True] * 4
    assert session.prune() == {"dry_run": False, "freed": 0, "images": []}


def test_the_bytes_that_are_free_now_are_counted(session: PruneCheckout) -> None:
    session.image("a", combination=RETIRED, size=30 * MB)

    # Others work with the engine too.
    assert session.prune()["freed"] > 10 * MB


def test_a_dry_run_says_the_same_and_removes_nothing(session: PruneCheckout) -> None:
    image = session.image("a", combination=RETIRED)
    said = session.prune("--dry-run")

    assert (said["dry_run"], [one["image"] for one in said["images"]]) == (True, [image])
    assert session.there(image)
    assert session.prune()["images"] == said["images"]


def test_an_image_that_a_container_uses_stays_and_it_is_said(
    session: PruneCheckout, engine: docker.DockerClient
) -> None:
    image = session.image("a", inputs="old", combination=RETIRED)
    container = engine.containers.create(image, ["x"], network_mode="none")
    try:
        (one,) = session.prune()["images"]
    finally:
        container.remove()

    assert one["kept"] == "a container uses it"
    assert session.there(f"{session.name}:a")


def test_a_container_that_comes_after_the_plan_is_in_the_engines_own_words(
    session: PruneCheckout, engine: docker.DockerClient
) -> None:
    image = session.image("a", combination=RETIRED)
    container = engine.containers.create(image, ["x"], network_mode="none")
    try:
        said = session.engine.remove_image(image, [f"{session.name}:a"])
    finally:
        container.remove()

    assert "conflict" in said
    assert session.there(image)


def test_an_image_that_somebody_has_named_stays_with_all_its_names(session: PruneCheckout) -> None:
    image = session.image("a", "mine.invalid/keep:1", combination=RETIRED)
    (one,) = session.prune()["images"]

    assert one["kept"] == "it has a name that is not ours: mine.invalid/keep:1"
    assert session.there(f"{session.name}:a")
    assert session.there(image)


def test_a_name_that_leads_to_another_image_by_now_is_left_to_that(session: PruneCheckout) -> None:
    image, later = session.image("a", combination=RETIRED), session.image("a", combination=RETIRED)

    assert session.engine.remove_image(image, [f"{session.name}:a"]) == ""
    assert not session.there(image)
    assert session.there(later)


def test_people_get_a_table_with_what_was_freed(session: PruneCheckout) -> None:
    image = session.image("a", combination=RETIRED)
    cache = ["--cache-dir", str(session.folder / "cache")]
    before = invoke(session.checkout, "prune", "--dry-run", *cache)
    done = invoke(session.checkout, "prune", *cache)
    again = invoke(session.checkout, "prune", *cache)

    assert before.stdout.splitlines()[2].split()[:4] == ["WOULD", "GO", "engine", RETIRED]
    assert done.stdout.splitlines()[2].split()[:4] == ["removed", "engine", RETIRED, image[:19]]
    assert done.stdout.splitlines()[3].endswith(" MB freed in the engine")
    assert again.stdout == "there is nothing to remove\n"
