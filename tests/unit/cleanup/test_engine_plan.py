from collections.abc import Sequence
from dataclasses import replace

import pytest

from lifecycle.cleanup.engine_plan import BuildImage, own_sizes, plan_images, remove_images
from lifecycle.cleanup.retention import Age, Decision
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_DIGEST
from tests.support.fakes.engine import FakeEngine

NOW = 1_000_000.0
BUILDER, BASE = "nvidia-installer/builder-debian_12:1", "nvidia-installer/base:1"


def image(*tags: str, layers: Sequence[str] = ("l1",), size: int = 100, **changes: object) -> LocalImage:
    made = LocalImage(
        id=f"sha256:{'-'.join(tags)}", tags=tags, size=size, labels={LABEL_DIGEST: "1"}, layers=tuple(layers), created=0
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def planned(*images: LocalImage, **changes: object) -> list[Decision[BuildImage]]:
    given: dict[str, object] = {"needed": {BASE}, "used": {}, "in_use": (), "now": NOW, **changes}
    return plan_images(images, **given)  # type: ignore[arg-type]


def test_what_no_combination_needs_goes_and_what_one_needs_stays() -> None:
    goes, stays = planned(image(BUILDER, layers=["l1", "l2"], size=103), image(BASE))

    assert (goes.item.names, goes.to_remove, goes.reason) == ((BUILDER,), True, "no current combination needs it")
    assert (stays.item.names, stays.to_remove, stays.reason) == ((BASE,), False, "a current combination needs it")


def test_what_is_made_of_others_comes_first_and_counts_what_it_adds_to_them() -> None:
    kernel = image("nvidia-installer/kernel-6-1:1", layers=["l1", "l2", "l3"], size=170)
    builder, other = image(BUILDER, layers=["l1", "l2"], size=103), image("nvidia-installer/base:2", layers=["l9"])
    found = planned(image(BASE), other, builder, kernel)

    assert [(decision.item.repository, decision.item.size) for decision in found] == [
        ("nvidia-installer/kernel-6-1", 67),
        ("nvidia-installer/builder-debian_12", 3),
        ("nvidia-installer/base", 100),
        ("nvidia-installer/base", 100),
    ]


def test_images_of_the_same_layers_or_of_none_are_not_made_of_one_another() -> None:
    assert own_sizes([image("a"), image("b"), image("c", layers=[])]) == dict.fromkeys(
        ["sha256:a", "sha256:b", "sha256:c"], 100
    )


@pytest.mark.parametrize(
    "other",
    [
        image("nvidia-installer/mine:1", labels={}),
        image("localhost:5000/nvidia-installer/builder-debian_12:1"),
        image("docker-nvidia-installer/x:1"),
        image(BUILDER, labels={LABEL_DIGEST: "1", LABEL_COMBINATION: "a/1/1"}),
        image(),
    ],
)
def test_what_is_not_ours_and_an_installer_image_is_not_looked_at(other: LocalImage) -> None:
    assert planned(other) == []


def test_a_pulled_base_is_ours_by_name_and_stays_while_it_has_another() -> None:
    pulled = image("nvidia-installer/base:2", labels={}, digests=("ghcr.io/x@sha256:y",))
    (stays,), (goes,) = planned(pulled), planned(replace(pulled, digests=()))

    assert (stays.to_remove, stays.kept) == (False, "it has a name that is not ours: ghcr.io/x@sha256:y")
    assert goes.to_remove


def test_what_a_container_uses_stays_and_it_is_said() -> None:
    (decision,) = planned(image(BUILDER), in_use={f"sha256:{BUILDER}"})

    assert (decision.to_remove, decision.kept) == (False, "a container uses it")


def test_an_image_of_which_one_name_is_needed_stays() -> None:
    (decision,) = planned(image("nvidia-installer/base:0", BASE))

    assert (decision.needed, decision.to_remove) == (True, False)


@pytest.mark.parametrize(
    ("used", "made", "goes"),
    [({}, 0, True), ({BUILDER: int(NOW) - 3600}, 0, True), ({BUILDER: int(NOW) - 60}, 0, False), ({}, NOW - 60, False)],
)
def test_with_an_age_what_a_build_needed_or_made_within_it_stays(used: dict[str, int], made: float, goes: bool) -> None:
    (decision,) = planned(image(BUILDER, created=made), used=used, older_than=Age(seconds=3600, text="1h"))

    assert (decision.to_remove, decision.kept) == (goes, "" if goes else "it was used within 1h")
    assert decision.item.used == max(used.get(BUILDER, 0), made)


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (None, ""),
        (image(BUILDER), "conflict"),
        (
            image(id=image(BUILDER).id),
            "other images are made of it: only its name is removed, and its layers go with them",
        ),
    ],
)
def test_it_is_said_what_became_of_an_image(left: LocalImage | None, kept: str) -> None:
    engine, gone = FakeEngine(*filter(None, [left])), image(BUILDER)
    engine.conflicts = {gone.id: "conflict"} if left else {}

    assert [decision.kept for decision in remove_images(engine, planned(gone, image(BASE)))] == [kept, ""]
