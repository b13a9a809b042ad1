"""The Docker engine, through the Docker SDK.

The SDK builds with the classic builder, so the Dockerfiles use no syntax of BuildKit. Each container carries a label with
the process that created it and is removed in any case; the next process removes the containers of a killed one.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import docker.errors
import requests
from docker.auth import resolve_repository_name

from lifecycle.errors import writing
from lifecycle.tools.engine.connection import EngineConnection
from lifecycle.tools.engine.container import LABEL_OWNER, DockerContainer, remove
from lifecycle.tools.engine.engine import ImageLayer, LocalImage, PulledImage
from lifecycle.tools.engine.errors import EngineRefusedError, ImageBuildError, StoppedError
from lifecycle.tools.engine.processors import usable_processors
from lifecycle.tools.engine.pull import pull_image
from lifecycle.tools.registry.credentials import docker_login
from lifecycle.tools.registry.errors import wants_login
from lifecycle.tools.registry.login import Login

_NOT_FOUND = (docker.errors.NotFound, docker.errors.NullResource)


class DockerEngine(EngineConnection):
    """A Docker engine (`Engine` describes the methods), found by an environment and connected to when first needed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self._stopped = threading.Event()

    def image(self, reference: str) -> LocalImage | None:
        """Return the image with a tag or id, or None."""
        with self.sdk_errors(f"look for the image {reference}"):
            try:
                raw = self.client.api.inspect_image(reference)
                return _local_image(raw, raw["Config"].get("Labels"))
            except _NOT_FOUND:
                return None

    def images(self, label: str) -> list[LocalImage]:
        """Return all images that carry a label, in one request."""
        with self.sdk_errors("list images"):
            return [_local_image(i, i["Labels"]) for i in self.client.api.images(filters={"label": label})]

    def images_named(self, pattern: str) -> list[LocalImage]:
        """Return the images with a tag that matches a pattern, each with all of its tags."""
        with self.sdk_errors("list images"):
            # A list by name leaves an image's other names out.
            found = self.client.api.images(filters={"reference": pattern})
        return [image for image in map(self.image, dict.fromkeys(raw["Id"] for raw in found)) if image]

    def layers(self, image: str) -> list[ImageLayer]:
        """Return the layers of an image, by its id, from the lowest on. Settings in its history are no layers."""
        with self.sdk_errors(f"show the layers of {image}"):
            history = self.client.api.history(image)
        return [ImageLayer(created_by=raw["CreatedBy"], size=raw["Size"]) for raw in reversed(history) if raw["Size"]]

    def images_in_use(self) -> set[str]:
        """Return the ids of the images of all containers."""
        with self.sdk_errors("list containers"):
            return {raw["ImageID"] for raw in self.client.api.containers(all=True)}

    def capacity(self) -> tuple[int, int]:
        """Return the cores and the bytes of memory that containers may use."""
        with self.sdk_errors("ask for its cores and memory"):
            about = self.client.info()
        cpus = int(about["NCPU"])
        available = usable_processors() if self.address.url.startswith("unix:") else cpus
        return min(cpus, available), int(about["MemTotal"])

    def stored_bytes(self) -> int:
        """Return the size of the layers of all images in bytes."""
        with self.sdk_errors("count what it stores"):
            return int(self.client.api.df()["LayersSize"])

    def remove_image(self, image: str, tags: Iterable[str]) -> str:
        """Remove an image and its tags; return why it stays, or ""."""
        with self.sdk_errors(f"remove {image}"):
            try:
                for reference in (*tags, image):
                    found = self.image(reference)
                    if found is not None and found.id == image:
                        with suppress(*_NOT_FOUND):
                            self.client.api.remove_image(reference)
            except docker.errors.APIError as error:
                if error.status_code != requests.codes.conflict:
                    raise
                return str(error.explanation)
        return ""

    def pull(self, reference: str, architecture: str) -> PulledImage:
        """Pull the image of a reference for an architecture."""
        with self.sdk_errors(f"pull {reference}"):
            login = docker_login(resolve_repository_name(reference)[0], self._environ) or Login()
            try:
                pull_image(self.client.api, reference, platform=f"linux/{architecture}", auth=login.for_engine())
            except docker.errors.APIError as error:
                if login.error and wants_login(str(error)):
                    raise login.error from error
                raise
            image = self.client.images.get(reference)
            digests: list[str] = image.attrs.get("RepoDigests", [])
            digest = digests[0].rpartition("@")[2] if digests else str(image.id)
            return PulledImage(digest=digest, id=str(image.id))

    def push(self, reference: str, login: Login | None) -> str:
        """Push an image by its tag; return what the registry refused, or ""."""
        repository, _, tag = reference.rpartition(":")
        auth = login.for_engine() if login else {}
        with self.sdk_errors(f"push {reference}"):
            for event in self.client.api.push(repository, tag=tag, auth_config=auth, stream=True, decode=True):
                # The status of the response is 200 even where the push fails.
                if "error" in event:
                    return str(event["error"])
        return ""

    def save(self, reference: str, path: Path) -> None:
        """Write an image, by a tag or its id, to a tar file; a tag is part of it."""
        with self.sdk_errors(f"save {reference}"), writing(path), path.open("wb") as out:
            image = self.client.images.get(reference)
            for chunk in image.save(named=reference if reference in image.tags else False):
                out.write(chunk)

    def load(self, path: Path) -> None:
        """Read images from a tar file."""
        with self.sdk_errors(f"load {path.name}"), path.open("rb") as stream:
            self.client.images.load(stream)

    def tag(self, image: str, reference: str) -> None:
        """Add a tag to an image."""
        repository, _, name = reference.rpartition(":")
        with self.sdk_errors(f"tag {image} as {reference}"):
            self.client.api.tag(image, repository, name, force=True)

    def remove_tag(self, reference: str) -> None:
        """Remove a tag."""
        with self.sdk_errors(f"remove {reference}"):
            try:
                self.client.api.remove_image(reference)
            except _NOT_FOUND:
                return

    def build(self, context: IO[bytes], *, tag: str, base: str, labels: Mapping[str, str], log: Path) -> LocalImage:
        """Build an image from a tar with its Dockerfile and files. Raises ImageBuildError."""
        with self.sdk_errors(f"build {tag}"), writing(log), log.open("w", encoding="utf-8") as out:
            events = self.client.api.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs={"BASE": base},
                labels=dict(labels),
                network_mode="none",
                rm=True,
                forcerm=True,
                decode=True,
            )
            for event in events:
                out.write(event.get("stream", ""))
                if "error" in event:
                    out.write(event["error"])
                    out.flush()
                    last = log.read_text(encoding="utf-8").strip().splitlines()[-8:]
                    raise ImageBuildError(tag, str(log), "\n".join(f"  {line}" for line in last))
        image = self.image(tag)
        if image is None:
            raise EngineRefusedError(f"build {tag}", "it reported no error and has no such image")
        return image

    @contextmanager
    def container(
        self, image: str, *, env: Mapping[str, str], entrypoint: Sequence[str] | None = None, stdin: bool = False
    ) -> Iterator[DockerContainer]:
        """Yield a container without network, and remove it at the end.

        Raises EngineRefusedError, and StoppedError after `stop_own_containers`.
        """
        with self.sdk_errors(f"create a container of {image}"):
            raw = self.client.containers.create(
                image,
                entrypoint=list(entrypoint) if entrypoint is not None else None,
                stdin_open=stdin,
                environment=dict(env),
                network_mode="none",
                labels={LABEL_OWNER: owner_of(os.getpid())},
            )
        try:
            # Checked after the creation: `stop_own_containers` may have listed the containers just before it.
            if self._stopped.is_set():
                raise StoppedError
            yield DockerContainer(raw, self.sdk_errors)
        finally:
            with self.sdk_errors("remove a container"):
                remove(raw)

    def stop_own_containers(self) -> None:
        """Remove all containers of this process and refuse to create more."""
        self._stopped.set()
        self._remove(lambda owner: owner == owner_of(os.getpid()))

    def remove_dead_containers(self) -> None:
        """Remove the containers that ended processes of this machine left behind."""
        self._remove(_is_dead)

    def _remove(self, condition: Callable[[str], bool]) -> None:
        with self.sdk_errors("list containers"):
            for raw in self.client.containers.list(all=True, filters={"label": LABEL_OWNER}, ignore_removed=True):
                if condition(raw.labels[LABEL_OWNER]):
                    remove(raw)


def owner_of(pid: int) -> str:
    """Return the value of LABEL_OWNER of containers that a process of this machine creates."""
    return f"{os.uname().nodename}:{pid}"


def _is_dead(owner: str) -> bool:
    node, _, pid = owner.rpartition(":")
    return node == os.uname().nodename and not Path(f"/proc/{pid}").exists()


def _local_image(raw: Mapping[str, Any], labels: Mapping[str, str] | None) -> LocalImage:
    # A list names an image without a tag <none>:<none>, and one without a digest <none>@<none>.
    tags, digests = (
        tuple(name for name in raw[key] or () if not name.startswith("<none>")) for key in ("RepoTags", "RepoDigests")
    )
    image = LocalImage(id=raw["Id"], tags=tags, size=raw["Size"], labels=labels or {}, digests=digests)
    if "RootFS" not in raw:
        return image
    created = datetime.fromisoformat(raw["Created"]).timestamp() if raw.get("Created") else 0
    return replace(image, layers=tuple(raw["RootFS"].get("Layers") or ()), created=created)
