"""Small images of the first combination, a pusher to a registry, and the real command in a copy of the checkout."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import docker.errors

from lifecycle.cache.cache import TESTED, Cache
from lifecycle.cache.evidence import note_evidence
from lifecycle.config.component import Image
from lifecycle.pipeline.image_archive import root_image
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.planning.project import load_project
from lifecycle.planning.tags import immutable_tag, references
from lifecycle.publish.push import Candidate, PushDecision, PushedImage, Pusher, decide_push
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.docker_engine import DockerEngine
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.registry.client import Registry, RemoteImage
from lifecycle.tools.registry.login import Login
from tests.support.checkout import PARTS, ROOT, copy_parts
from tests.support.servers.registry_server import RegistryServer

COMBINATION = load_locked_project(ROOT).matrix.combinations[0]
REPOSITORY = "push-test/nvidia-installer"


class PushSession:
    """Small images of a combination, and their pusher; `host` is the registry's name if not the server's own."""

    def __init__(self, server: RegistryServer, folder: Path, login: Login | None = None, *, host: str = "") -> None:
        self.engine = DockerEngine(os.environ)
        self.image = Image(registry=host or server.host, repository=REPOSITORY)
        self.names = references(self.image, COMBINATION)
        self.folder = folder
        if server.authority:
            (folder / "certs" / server.host).mkdir(parents=True)
            shutil.copy(server.authority, folder / "certs" / server.host / "ca.crt")
        self.registry = Registry(server.host, login, certificates=folder / "certs")
        self.ids: list[str] = []
        # Of this session alone: another one, beside it, takes its images out of the engine in the end.
        self.content = os.urandom(100_000)
        self.said: list[str] = []
        self.waits: list[float] = []
        self.pusher = Pusher(
            engine=self.engine,
            registry=self.registry,
            login=login,
            image=self.image,
            say=self.said.append,
            wait=self.waits.append,
        )

    def made(self, content: bytes = b"", *, inputs: str = "a" * 64, more: bytes = b"") -> LocalImage:
        """Make an image of a layer with `content`, and of a second layer if `more` is given; give it both names."""
        root, archive = self.folder / "root.tar", self.folder / "image.tar"
        root.write_bytes(tar_bytes({"file": content or self.content}))
        labels = {LABEL_DIGEST: inputs}
        image = root_image(root, archive, self.names[0], labels, "amd64")
        self.engine.load(archive)
        self.ids.append(image)
        if more:
            context = self.folder / "context.tar"
            dockerfile = b"ARG BASE\nFROM ${BASE}\nADD more.tar /\n"
            context.write_bytes(tar_bytes({"Dockerfile": dockerfile, "more.tar": tar_bytes({"more": more})}))
            with context.open("rb") as stream:
                log = self.folder / "log"
                image = self.engine.build(stream, tag=self.names[0], base=image, labels=labels, log=log).id
            self.ids.append(image)
        self.engine.tag(image, self.names[1])
        found = self.engine.image(image)
        assert found is not None
        return found

    def candidate(self, image: LocalImage, *, tested: bool = True, combination: Combination = COMBINATION) -> Candidate:
        return self.pusher.candidate(combination, image, tested=tested)

    def publish(self, image: LocalImage, *others: Combination) -> tuple[PushDecision, PushedImage]:
        """Decide how to push an image, and push it; `others` are the other combinations of the matrix."""
        candidate = self.candidate(image)
        decision = decide_push(candidate, untested=False)
        return decision, self.pusher.publish(candidate, decision, [COMBINATION, *others])

    def tag(self, image: LocalImage) -> str:
        """Return the image's immutable tag."""
        return immutable_tag(COMBINATION, image.labels[LABEL_DIGEST])

    def there(self, tag: str) -> RemoteImage:
        """Return the image that a tag names in the registry."""
        found = self.registry.image(REPOSITORY, tag)
        assert found is not None
        return found

    def close(self) -> None:
        self.registry.close()
        # What is made of another one first, which that goes with.
        for image in reversed(self.ids):
            with suppress(docker.errors.ImageNotFound):
                self.engine.client.api.remove_image(image, force=True)


def copied_checkout(host: str, folder: Path) -> Path:
    """Copy the checkout to a new folder, and set the registry of its images to `host`."""
    folder.mkdir()
    copy_parts(folder, [*PARTS, "tasks.py"])
    component = folder / "component.yaml"
    component.write_text(component.read_text().replace("registry: localhost:5000", f'registry: "{host}"'))
    return folder


def name_image(engine: docker.DockerClient, host: str) -> None:
    """Give the image that `invoke build` has made, if any, the names of a registry, so that a copy need not build it again."""
    own = load_project(ROOT).component.image
    names = references(Image(registry=host, repository=own.repository), COMBINATION)
    with suppress(docker.errors.ImageNotFound):
        for name, other in zip(references(own, COMBINATION), names, strict=True):
            engine.images.get(name).tag(other)


def make_small_image(engine: docker.DockerClient, host: str, folder: Path, *, size: int) -> None:
    """Make an image with the labels of the one that `invoke build` has made, the names of a registry and few bytes.

    For a push it is the image of the combination, without the seconds that the real one takes to compress.
    """
    own = load_project(ROOT).component.image
    name, moving = references(Image(registry=host, repository=own.repository), COMBINATION)
    root, archive = folder / "root.tar", folder / "image.tar"
    root.write_bytes(tar_bytes({"file": os.urandom(size)}))
    labels = engine.images.get(references(own, COMBINATION)[0]).labels
    root_image(root, archive, name, labels, str(COMBINATION.architecture))
    with archive.open("rb") as stream:
        (image,) = engine.images.load(stream)
    image.tag(moving)


@contextmanager
def checkout_for(host: str, folder: Path, engine: docker.DockerClient, *, size: int = 0) -> Iterator[Path]:
    """Yield a copy of the checkout with one of its images built, and remove the image's names at the end.

    With a `size`, the image is a small one of that many bytes.
    """
    copied_checkout(host, folder)
    if size:
        make_small_image(engine, host, folder.parent, size=size)
    else:
        name_image(engine, host)
    built = invoke(folder, "build", "--only", COMBINATION.id)
    assert built.returncode == 0, built.stderr
    try:
        yield folder
    finally:
        for tag in names_at(engine, host):
            engine.images.remove(tag)


def names_at(engine: docker.DockerClient, host: str) -> set[str]:
    """Return the names of the engine's images at a registry."""
    # Not `images.list()`, which asks for each image, also for those that others remove meanwhile.
    names = (name for image in engine.api.images() for name in image["RepoTags"] or ())
    return {name for name in names if name.startswith(f"{host}/")}


def invoke(folder: Path, *words: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `invoke` in a copy of the checkout."""
    command = [sys.executable, "-m", "invoke", *words]
    env = {**os.environ, **(environ or {})}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def push(folder: Path, *words: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `invoke push` for the one image that is built, with a cache that only `note_tested` writes to."""
    nothing = str(folder.with_name("nothing"))
    return invoke(folder, "push", "--only", COMBINATION.id, "--cache-dir", nothing, *words, environ=environ)


def note_tested(folder: Path, image: str) -> None:
    """Note in the cache of `push` that an image's tests have passed."""
    note_evidence(Cache(folder.with_name("nothing")), TESTED, image, {"combination": COMBINATION.id})
