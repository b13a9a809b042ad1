"""What nobody needs leaves the real engine, and nothing else does."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from tests.support.builders.prune_checkout import RETIRED, PruneLab
from tests.support.builders.push_session import invoke

MB = 1_000_000


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[PruneLab]:
    # Nobody is asked there: the engine alone is pruned.
    with closing(PruneLab(f"registry-{os.getpid()}.invalid", tmp_path)) as made:
        yield made


def test_retired_and_superseded_images_go_and_the_others_stay(lab: PruneLab) -> None:
    retired, nameless = lab.image("a", "b", combination=RETIRED), lab.image(combination=RETIRED)
    superseded = lab.image(inputs="old")
    current, again, named = lab.image("c"), lab.image(), lab.image("d", inputs="old")
    others = lab.image("e", combination=RETIRED, component="another-component")
    said = lab.prune()

    assert {one["image"]: one["reason"] for one in said["images"]} == {
        retired: "its combination is not in the matrix",
        nameless: "its combination is not in the matrix",
        superseded: "made of other inputs than now, and without a name",
    }
    assert [lab.there(image) for image in (retired, nameless, superseded)] == [False] * 3
    assert [lab.there(image) for image in (current, again, named, others)] == [True] * 4
    assert lab.prune() == {"dry_run": False, "freed": 0, "images": []}


def test_the_bytes_that_are_free_now_are_counted(lab: PruneLab) -> None:
    lab.image("a", combination=RETIRED, size=30 * MB)

    # Others work with the engine too.
    assert lab.prune()["freed"] > 10 * MB


def test_a_dry_run_says_the_same_and_removes_nothing(lab: PruneLab) -> None:
    image = lab.image("a", combination=RETIRED)
    said = lab.prune("--dry-run")

    assert (said["dry_run"], [one["image"] for one in said["images"]]) == (True, [image])
    assert lab.there(image)
    assert lab.prune()["images"] == said["images"]


def test_an_image_that_a_container_uses_stays_and_it_is_said(lab: PruneLab, engine: docker.DockerClient) -> None:
    image = lab.image("a", inputs="old", combination=RETIRED)
    container = engine.containers.create(image, ["x"], network_mode="none")
    try:
        (one,) = lab.prune()["images"]
    finally:
        container.remove()

    assert one["kept"] == "a container uses it"
    assert lab.there(f"{lab.name}:a")


def test_a_container_that_comes_after_the_plan_is_in_the_engines_own_words(
    lab: PruneLab, engine: docker.DockerClient
) -> None:
    image = lab.image("a", combination=RETIRED)
    container = engine.containers.create(image, ["x"], network_mode="none")
    try:
        said = lab.engine.remove_image(image, [f"{lab.name}:a"])
    finally:
        container.remove()

    assert "conflict" in said
    assert lab.there(image)


def test_an_image_that_somebody_has_named_stays_with_all_its_names(lab: PruneLab) -> None:
    image = lab.image("a", "mine.invalid/keep:1", combination=RETIRED)
    (one,) = lab.prune()["images"]

    assert one["kept"] == "it has a name that is none of ours: mine.invalid/keep:1"
    assert lab.there(f"{lab.name}:a")
    assert lab.there(image)


def test_a_name_that_leads_to_another_image_by_now_is_left_to_that(lab: PruneLab) -> None:
    image, later = lab.image("a", combination=RETIRED), lab.image("a", combination=RETIRED)

    assert lab.engine.remove_image(image, [f"{lab.name}:a"]) == ""
    assert not lab.there(image)
    assert lab.there(later)


def test_people_get_a_table_with_what_was_freed(lab: PruneLab) -> None:
    image = lab.image("a", combination=RETIRED)
    cache = ["--cache-dir", str(lab.folder / "cache")]
    before = invoke(lab.checkout, "prune", "--dry-run", *cache)
    done = invoke(lab.checkout, "prune", *cache)
    again = invoke(lab.checkout, "prune", *cache)

    assert before.stdout.splitlines()[2].split()[:4] == ["WOULD", "GO", "engine", RETIRED]
    assert done.stdout.splitlines()[2].split()[:4] == ["removed", "engine", RETIRED, image[:19]]
    assert done.stdout.splitlines()[3].endswith(" MB freed in the engine")
    assert again.stdout == "there is nothing to remove\n"
