"""Base images that are pulled, carried in a bundle: from a real registry, through a real engine, known by their ids."""

import json
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from lifecycle.app.session import Session
from lifecycle.commands.bundle import WrongBaseImageError, make_bundle, take_bundle
from lifecycle.pipeline.image_archive import root_image
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.source_checkout import make_source_checkout
from tests.support.servers.registry_server import registry_server

NAMES = {"BUILDER_GARDENLINUX_1592_9": "kmodbuild", "RUNTIME": "runtime"}


def made(engine: DockerEngine, folder: Path, tag: str, content: bytes) -> str:
    (folder / "root.tar").write_bytes(tar_bytes({"file": content}))
    image = root_image(folder / "root.tar", folder / "image.tar", tag, {}, "amd64")
    engine.load(folder / "image.tar")
    return image


@pytest.fixture
def session(engine: docker.DockerClient, garden: Archive, tmp_path: Path) -> Iterator[Session]:
    """Return a component whose bases have been pulled from a registry and locked. Remove the bases at the end."""
    checkout, ours, ids = (
        make_source_checkout(tmp_path, "{kind: directory, path: in}", environ={}),
        DockerEngine(os.environ),
        [],
    )
    shutil.copytree(garden.folder / "pool", checkout.root / "in")
    with registry_server(tmp_path / "registry") as server:
        references = {name: f"{server.host}/bases/{image}:1" for name, image in NAMES.items()}
        for name, reference in references.items():
            ids.append(made(ours, tmp_path, reference, name.encode()))
            assert ours.push(reference, None) == ""
            engine.images.remove(reference, force=True)
        lines = "".join(f"{name}={reference}\n" for name, reference in references.items())
        (checkout.root / "image_versions").write_text(lines)
        found = Session(checkout.root, cache_dir=str(checkout.cache), environ=os.environ)
        found.build_service().resolve()
        assert {base.id for base in reloaded(found).project.lock.bases.values()} == set(ids)
        yield reloaded(found)
    forget(engine, ids)


def reloaded(session: Session) -> Session:
    return Session(session.root, cache_dir=str(session.cache.root), environ=os.environ)


def forget(engine: docker.DockerClient, ids: list[str]) -> None:
    for image in ids:
        try:
            engine.images.remove(image, force=True)
        except docker.errors.ImageNotFound:
            continue


def ids_of(project: LockedProject) -> list[str]:
    return [str(base.id) for base in project.lock.bases.values()]


def test_a_bundle_brings_the_very_images_that_were_pulled(
    session: Session, engine: docker.DockerClient, tmp_path: Path
) -> None:
    make_bundle(session, tmp_path / "b", "", kernel_images=False, as_json=False)
    forget(engine, ids_of(session.locked_project))
    other = Session(session.root, cache_dir=str(tmp_path / "other"), environ=os.environ)
    take_bundle(other, tmp_path / "b", "")

    tags = {name: base_tag(Targets(other.locked_project).base(name)) for name in NAMES}
    assert {name: engine.images.get(tag).id for name, tag in tags.items()} == {
        name: other.locked_project.lock.bases[name].id for name in NAMES
    }


@pytest.mark.parametrize("name", ["its own", "somebody else's"])
def test_another_image_is_not_taken_whatever_it_calls_itself(
    session: Session, engine: docker.DockerClient, tmp_path: Path, name: str
) -> None:
    make_bundle(session, tmp_path / "b", "", kernel_images=False, as_json=False)
    tag = base_tag(Targets(session.locked_project).base("RUNTIME"))
    forget(engine, ids_of(session.locked_project))
    (tmp_path / "root.tar").write_bytes(tar_bytes({"file": b"evil"}))
    evil = tmp_path / "evil.tar"
    image = root_image(tmp_path / "root.tar", evil, tag if name == "its own" else "debian:13", {}, "amd64")
    with_image(tmp_path / "b", tag, evil)
    other = Session(session.root, cache_dir=str(tmp_path / "other"), environ=os.environ)
    try:
        with pytest.raises(WrongBaseImageError, match=r"is not the image that versions\.lock names: it was not loaded"):
            take_bundle(other, tmp_path / "b", "")
        assert not engine.images.list(tag)
        assert not engine.images.list("debian:13")
    finally:
        forget(engine, [image])


def with_image(bundle: Path, tag: str, image: Path) -> None:
    """Put another image's tar in the place of one in a bundle."""
    folder = bundle.with_name("opened")
    with tarfile.open(bundle) as tar:
        names = tar.getnames()
        tar.extractall(folder, filter="data")
    number = json.loads((folder / "bundle.json").read_text())["images"].index(tag)
    shutil.copy(image, folder / f"images/{number}.tar")
    with tarfile.open(bundle, "w") as tar:
        for name in names:
            tar.add(folder / name, name)
