from collections.abc import Mapping
from dataclasses import replace

import pytest

from lifecycle.cleanup.image_plan import (
    InstallerImage,
    OwnedImages,
    Place,
    Reason,
    TaggedImage,
    plan_engine,
    plan_registry,
)
from lifecycle.cleanup.prune_images import current_images
from lifecycle.cleanup.retention import Decision
from lifecycle.planning.targets import Targets
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_COMPONENT, LABEL_DIGEST
from lifecycle.tools.registry.client import RemoteImage
from tests.support.builders.projects import component, project

NAME = "localhost:5000/team/nvidia-installer"
NEEDED = OwnedImages(component="team", name=NAME, combinations={"a/1/1"}, inputs={"now"})


def labels(**changes: str) -> Mapping[str, str]:
    given = {"component": "team", "combination": "a/1/1", "digest": "now", **changes}
    keys = {"component": LABEL_COMPONENT, "combination": LABEL_COMBINATION, "digest": LABEL_DIGEST}
    return {keys[name]: value for name, value in given.items()}


def local(*tags: str, digests: tuple[str, ...] = (), **changes: str) -> LocalImage:
    return LocalImage(id="sha256:id", tags=tags, size=7, labels=labels(**changes), digests=digests)


def remote(*tags: str, digest: str = "sha256:x", **changes: str) -> TaggedImage:
    return TaggedImage(image=RemoteImage(digest=digest, id="sha256:id", labels=labels(**changes), size=7), tags=tags)


def of_engine(image: LocalImage, *used: str) -> Decision[InstallerImage] | None:
    return next(iter(plan_engine([image], NEEDED, used=used)), None)


def of_registry(image: TaggedImage, *in_use: str) -> Decision[InstallerImage] | None:
    return next(iter(plan_registry([image], NEEDED, in_use=in_use)), None)


def test_an_image_of_a_retired_combination_leaves_the_engine_with_its_names() -> None:
    names = (f"{NAME}:b", f"{NAME}:c")

    assert of_engine(local(*names, combination="a/1/0", digests=(f"{NAME}@sha256:x",))) == Decision(
        item=InstallerImage(
            place=Place.ENGINE,
            combination="a/1/0",
            image="sha256:id",
            tags=names,
            size=7,
        ),
        needed=False,
        reason=Reason.RETIRED,
    )


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (local(f"{NAME}:a"), None),
        (local(), None),
        (local(f"{NAME}:a", digest="old"), None),
        (local(digest="old"), Reason.SUPERSEDED),
        (local(digest="old", digests=(f"{NAME}@sha256:x",)), Reason.SUPERSEDED),
        (local(f"{NAME}-other:a", digest="old"), Reason.SUPERSEDED),
        (local(combination="a/1/0"), Reason.RETIRED),
        (local(combination="a/1/0", digest="old"), Reason.RETIRED),
    ],
)
def test_an_unnamed_image_of_other_inputs_is_superseded(image: LocalImage, reason: Reason | None) -> None:
    found = of_engine(image)

    assert (found.reason if found else None) is reason


@pytest.mark.parametrize("combination", ["a/1/1", "a/1/0"])
def test_another_components_images_and_what_is_none_are_not_looked_at(combination: str) -> None:
    others = local(component="crew", combination=combination, digest="old")
    base = LocalImage(id="sha256:id", tags=(), size=7, labels={LABEL_COMPONENT: "team"})

    assert (of_engine(others), of_engine(base)) == (None, None)
    assert of_registry(remote("x", component="crew", combination=combination)) is None


@pytest.mark.parametrize(
    ("image", "used", "kept"),
    [
        (local(digest="old"), ["sha256:other"], ""),
        (local(digest="old"), ["sha256:id"], "a container uses it"),
        (local("mine:1", digest="old"), [], "it has a name that is not ours: mine:1"),
        (
            local(f"{NAME}:a", combination="a/1/0", digests=("ghcr.io/x@sha256:y",)),
            [],
            "it has a name that is not ours: ghcr.io/x@sha256:y",
        ),
    ],
)
def test_what_something_holds_stays_and_it_is_said_what(image: LocalImage, used: list[str], kept: str) -> None:
    found = of_engine(image, *used)

    assert found is not None
    assert found.kept == kept


def test_a_retired_manifest_leaves_the_registry_once_with_all_its_tags() -> None:
    assert of_registry(remote("x", "y", combination="a/1/0")) == Decision(
        item=InstallerImage(
            place=Place.REGISTRY,
            combination="a/1/0",
            image="sha256:x",
            tags=("x", "y"),
            size=7,
        ),
        needed=False,
        reason=Reason.RETIRED,
    )


def test_superseded_images_of_a_current_combination_stay_in_the_registry() -> None:
    superseded = replace(remote("x").image, labels=labels(digest="old"))

    assert of_registry(TaggedImage(image=superseded, tags=("x",))) is None


@pytest.mark.parametrize("word", ["sha256:x", "y"])
def test_images_that_gitops_names_stay_in_the_registry_and_are_reported(word: str) -> None:
    found = of_registry(remote("x", "y", combination="a/1/0"), word)

    assert found is not None
    assert found.kept == "GitOps refers to it"


def test_an_index_of_several_images_is_not_looked_at() -> None:
    index = RemoteImage(digest="sha256:i", id="", labels={}, size=0)

    assert of_registry(TaggedImage(image=index, tags=("x",))) is None


def test_a_project_needs_its_matrix_with_the_inputs_of_now() -> None:
    now = project(component=component(("localhost:5000", "docker.io")))
    needed = current_images(now)
    combinations = now.matrix.combinations

    assert needed == OwnedImages(
        component="team/nvidia-installer",
        name="team/nvidia-installer",
        combinations={c.id for c in combinations},
        inputs={Targets(now).image(c).digest for c in combinations},
    )
