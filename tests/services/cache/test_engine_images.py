"""Tests of the engine's images that count as cache, and of their removal, in a real engine of the tests' own."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from lifecycle.cleanup.engine_plan import BUILD_IMAGES, BuildImage, plan_images, remove_images
from lifecycle.cleanup.retention import Decision
from lifecycle.pipeline.image_archive import root_image
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.docker_engine import DockerEngine
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_COMPONENT, LABEL_DIGEST
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH
from tests.support.servers.container_engine import another_engine

BASE, BUILDER, KERNEL = "nvidia-installer/base:1", "nvidia-installer/builder-x:1", "nvidia-installer/kernel-x:1"
MB = 1_000_000


@dataclass(frozen=True)
class EngineCache:
    """An engine, and images that are made in it."""

    client: docker.DockerClient
    engine: DockerEngine
    folder: Path

    def base(self, tag: str = BASE) -> str:
        """Load an image of 2 MB that is made like a base and return its id."""
        root, archive = self.folder / "root.tar", self.folder / "image.tar"
        root.write_bytes(tar_bytes({"file": os.urandom(2 * MB)}))
        image = root_image(root, archive, tag, {LABEL_DIGEST: "1"}, "amd64")
        self.engine.load(archive)
        return image

    def built(self, tag: str, base: str, **labels: str) -> str:
        """Build an image that adds 1 MB to its base and return its id."""
        context = self.folder / "context.tar"
        dockerfile = b"ARG BASE\nFROM ${BASE}\nADD more.tar /\n"
        more = tar_bytes({"more": os.urandom(MB)})
        context.write_bytes(tar_bytes({"Dockerfile": dockerfile, "more.tar": more}))
        with context.open("rb") as stream:
            given = labels or {LABEL_DIGEST: "1"}
            return self.engine.build(stream, tag=tag, base=base, labels=given, log=self.folder / "log").id

    def plan(self, *needed: str) -> list[Decision[BuildImage]]:
        in_use = self.engine.images_in_use()
        return plan_images(self.engine.images_named(BUILD_IMAGES), needed, {}, in_use=in_use, now=0)

    def prune(self, *needed: str) -> list[Decision[BuildImage]]:
        return remove_images(self.engine, self.plan(*needed))

    def names(self) -> set[str]:
        return {tag for image in self.client.images.list() for tag in image.tags}


@pytest.fixture(scope="module")
def own() -> Iterator[tuple[docker.DockerClient, DockerEngine]]:
    """Start an engine that only these tests use and stop it at the end."""
    with another_engine() as (client, address):
        engine = DockerEngine({"DOCKER_HOST": address})
        yield client, engine
        engine.client.close()


@pytest.fixture
def setup(own: tuple[docker.DockerClient, DockerEngine], tmp_path: Path) -> Iterator[EngineCache]:
    client, engine = own
    setup = EngineCache(client, engine, tmp_path)
    yield setup
    for container in client.containers.list(all=True):
        container.remove(force=True)
    for tag in setup.names():
        client.images.remove(tag, force=True)
    client.images.prune(filters={"dangling": True})


def test_what_is_needed_stays_and_the_rest_goes_from_the_top(setup: EngineCache) -> None:
    base = setup.base()
    setup.built(BUILDER, base)
    setup.built(KERNEL, BUILDER)
    setup.base("nvidia-installer/base:2")
    decisions = setup.prune("nvidia-installer/base:2")

    assert [decision.item.names[0] for decision in decisions[:2]] == [KERNEL, BUILDER]
    assert {decision.item.names[0]: (decision.needed, decision.kept) for decision in decisions[2:]} == {
        BASE: (False, ""),
        "nvidia-installer/base:2": (True, ""),
    }
    assert setup.names() == {"nvidia-installer/base:2"}
    assert len(setup.client.images.list(all=True)) == 1


def test_an_image_counts_what_it_adds_to_the_one_that_it_is_made_of(setup: EngineCache) -> None:
    setup.built(BUILDER, setup.base())
    sizes = {decision.item.names[0]: round(decision.item.size / MB) for decision in setup.plan()}

    assert sizes == {BASE: 2, BUILDER: 1}
    assert round(setup.engine.stored_bytes() / MB) == 3


def test_an_image_has_its_layers_from_the_lowest_on(setup: EngineCache) -> None:
    image = setup.built(BUILDER, setup.base())
    layers = setup.engine.layers(image)

    assert [round(layer.size / MB) for layer in layers] == [2, 1]
    assert layers[0].created_by == "scripts/base/bootstrap"


def test_a_base_of_other_images_loses_its_name_and_is_removed_with_them(setup: EngineCache) -> None:
    base = setup.base()
    other = setup.built("mine:1", base, mine="1")
    (decision,) = setup.prune()

    assert decision.kept == "other images are made of it: only its name is removed, and its layers go with them"
    assert setup.names() == {"mine:1"}
    assert setup.engine.remove_image(other, ["mine:1"]) == ""
    assert setup.client.images.list(all=True) == []


def test_what_a_container_uses_stays_with_its_name(setup: EngineCache) -> None:
    setup.base()
    setup.client.containers.create(BASE, ["x"], network_mode="none")
    (decision,) = setup.prune()

    assert decision.kept == "a container uses it"
    assert setup.names() == {BASE}


def test_an_image_with_a_name_of_somebody_elses_stays_with_all_of_its_names(setup: EngineCache) -> None:
    setup.engine.tag(setup.base(), "mine:1")
    (decision,) = setup.prune()

    assert decision.kept == "it has a name that is not ours: mine:1"
    assert setup.names() == {BASE, "mine:1"}


def test_installer_images_and_what_others_named_so_are_not_looked_at(setup: EngineCache) -> None:
    base = setup.base("mine:1")
    installer = {LABEL_DIGEST: "1", LABEL_COMPONENT: "team", LABEL_COMBINATION: "a/1/1"}
    setup.built("nvidia-installer/installer:1", base, **installer)
    setup.built("localhost:5000/nvidia-installer/builder-x:1", base)

    assert setup.plan() == []


def test_it_is_known_when_an_image_was_made(setup: EngineCache) -> None:
    before = time.time()
    setup.built(BUILDER, setup.base())
    builder, base = setup.plan()

    assert before - 1 <= builder.item.used <= time.time() + 1
    # As reproducible as it is, it does not know.
    assert base.item.used == SOURCE_DATE_EPOCH


def test_a_foreign_container_of_our_image_is_not_ours(setup: EngineCache) -> None:
    with setup.engine.container(setup.base(), env={}, entrypoint=["/file"]) as ours:
        ours.commit(KERNEL, {LABEL_DIGEST: "1"})
    theirs = setup.client.containers.create(KERNEL, ["/file"])
    DockerEngine({"DOCKER_HOST": setup.engine.address.url}).stop_own_containers()

    assert setup.client.containers.list(all=True) == [theirs]
