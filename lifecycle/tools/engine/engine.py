"""The container engine, through the docker SDK, which only the engine's files, container.py and login.py import.

The SDK builds with the classic builder, so the Dockerfiles keep to what that understands. Every container carries a label
with the process that made it and is removed in any case; what a killed process left is swept by the next one.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import docker.errors
import requests

from lifecycle.errors import writing
from lifecycle.tools.engine.connection import EngineConnection
from lifecycle.tools.engine.container import LABEL_OWNER, Container, remove
from lifecycle.tools.engine.errors import EngineRefusedError, ImageBuildError, StoppedError
from lifecycle.tools.engine.processors import usable_processors
from lifecycle.tools.registry.login import Login

_GONE = (docker.errors.NotFound, docker.errors.NullResource)


@dataclass(frozen=True, kw_only=True)
class LocalImage:
    """An image in the engine; `digests` are its names by digest, `repository@sha256:…`, of registries that have it.

    `layers` are the digests of its layers from the lowest on, `made` is when it was, as it says itself, in seconds since 1970:
    both are known of an image that was asked for by itself.
    """

    id: str
    tags: tuple[str, ...]
    size: int
    labels: Mapping[str, str]
    digests: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    made: float = 0


@dataclass(frozen=True, kw_only=True)
class PulledImage:
    """An image that was pulled: its digest in the registry, and its id, the sha256 of its configuration (both `sha256:…`)."""

    digest: str
    id: str


class Engine(EngineConnection):
    """What we have a container engine do."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self._stopped = threading.Event()

    def image(self, reference: str) -> LocalImage | None:
        """An image by tag or id, or None."""
        with self.refusals(f"look for the image {reference}"):
            try:
                raw = self.client.api.inspect_image(reference)
                return _local_image(raw, raw["Config"].get("Labels"))
            except _GONE:
                return None

    def images(self, label: str) -> list[LocalImage]:
        """All images that carry a label (`label`, or `label=value`), in one question."""
        with self.refusals("list images"):
            return [_local_image(i, i["Labels"]) for i in self.client.api.images(filters={"label": label})]

    def images_named(self, pattern: str) -> list[LocalImage]:
        """The images with a name like `repository/*`, each with all of its names."""
        with self.refusals("list images"):
            # A list that was asked for by name leaves an image's other names out.
            found = self.client.api.images(filters={"reference": pattern})
        return [image for image in map(self.image, dict.fromkeys(raw["Id"] for raw in found)) if image]

    def used_images(self) -> set[str]:
        """The ids of the images of all containers, whether they run or not."""
        with self.refusals("list containers"):
            return {raw["ImageID"] for raw in self.client.api.containers(all=True)}

    def capacity(self) -> tuple[int, int]:
        """How many cores and how many bytes of memory its containers have; of its own machine's no more than this process may."""
        with self.refusals("ask for its cores and memory"):
            about = self.client.info()
        cpus = int(about["NCPU"])
        ours = usable_processors() if self.address.url.startswith("unix:") else cpus
        return min(cpus, ours), int(about["MemTotal"])

    def stored_bytes(self) -> int:
        """How many bytes the layers of all images have, each once."""
        with self.refusals("count what it stores"):
            return int(self.client.api.df()["LayersSize"])

    def remove_image(self, image: str, tags: Iterable[str]) -> str:
        """Remove an image, by its id, with those tags that still lead to it; returns why it stays, nothing where it goes."""
        with self.refusals(f"remove {image}"):
            try:
                for reference in (*tags, image):
                    found = self.image(reference)
                    if found is not None and found.id == image:
                        with suppress(*_GONE):
                            self.client.api.remove_image(reference)
            except docker.errors.APIError as error:
                if error.status_code != requests.codes.conflict:
                    raise
                return str(error.explanation)
        return ""

    def pull(self, reference: str, architecture: str) -> PulledImage:
        """Pull an image, of the one for an architecture (Debian's and OCI's names of them are the same here)."""
        with self.refusals(f"pull {reference}"):
            image = self.client.images.pull(reference, platform=f"linux/{architecture}")
            digests: list[str] = image.attrs.get("RepoDigests", [])
            digest = digests[0].rpartition("@")[2] if digests else str(image.id)
            return PulledImage(digest=digest, id=str(image.id))

    def push(self, reference: str, login: Login | None) -> str:
        """Push an image by its tag; returns what went wrong, nothing where all went well.

        Without a login the engine's client looks in Docker's own configuration and credential helpers.
        """
        repository, _, tag = reference.rpartition(":")
        auth = {"username": login.username, "password": login.password} if login else None
        with self.refusals(f"push {reference}"):
            for event in self.client.api.push(repository, tag=tag, auth_config=auth, stream=True, decode=True):
                # The stream's own status is 200 whatever comes.
                if "error" in event:
                    return str(event["error"])
        return ""

    def save(self, tag: str, path: Path) -> None:
        """Write an image to a tar (`docker save`)."""
        with self.refusals(f"save {tag}"), writing(path), path.open("wb") as out:
            for chunk in self.client.images.get(tag).save(named=tag):
                out.write(chunk)

    def load(self, path: Path) -> None:
        """Read images from a tar (`docker load`), which checks every layer against the image's own configuration."""
        with self.refusals(f"load {path.name}"), path.open("rb") as stream:
            self.client.images.load(stream)

    def tag(self, image: str, reference: str) -> None:
        """Give an image another name."""
        repository, _, name = reference.rpartition(":")
        with self.refusals(f"tag {image} as {reference}"):
            self.client.api.tag(image, repository, name, force=True)

    def remove_tag(self, reference: str) -> None:
        """Take an image's name away, and the image if it has no other; one that is not there is fine."""
        with self.refusals(f"remove {reference}"):
            try:
                self.client.api.remove_image(reference)
            except _GONE:
                return

    def build(self, context: IO[bytes], *, tag: str, base: str, labels: Mapping[str, str], log: Path) -> LocalImage:
        """Build a Dockerfile from a tar (its context), without network; raises ImageBuildError with its last lines."""
        with self.refusals(f"build {tag}"), writing(log), log.open("w", encoding="utf-8") as out:
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
        self, image: str, *, env: Mapping[str, str], entrypoint: list[str] | None = None, stdin: bool = False
    ) -> Iterator[Container]:
        """A container without network, made but not started; removed at the end, whatever happens.

        `entrypoint` is a command in place of the image's own, `stdin` whether it has a standard input.
        Raises StoppedError after `stop_own_containers`.
        """
        with self.refusals(f"create a container of {image}"):
            raw = self.client.containers.create(
                image,
                entrypoint=entrypoint,
                stdin_open=stdin,
                environment=dict(env),
                network_mode="none",
                labels={LABEL_OWNER: owner_of(os.getpid())},
            )
        try:
            # After it was made: one that `stop_own_containers` came too early to see must not run on.
            if self._stopped.is_set():
                raise StoppedError
            yield Container(raw, self.refusals)
        finally:
            with self.refusals("remove a container"):
                remove(raw)

    def stop_own_containers(self) -> None:
        """Remove every container that this process made, so that threads that wait for one get free; allow no more."""
        self._stopped.set()
        self._remove(lambda owner: owner == owner_of(os.getpid()))

    def sweep(self) -> None:
        """Remove containers of earlier processes of this machine that are dead."""
        self._remove(_is_dead)

    def _remove(self, condition: Callable[[str], bool]) -> None:
        with self.refusals("list containers"):
            for raw in self.client.containers.list(all=True, filters={"label": LABEL_OWNER}, ignore_removed=True):
                if condition(raw.labels[LABEL_OWNER]):
                    remove(raw)


def owner_of(pid: int) -> str:
    """The value of `LABEL_OWNER` of the containers that the process *pid* of this machine starts."""
    return f"{os.uname().nodename}:{pid}"


def _is_dead(owner: str) -> bool:
    node, _, pid = owner.rpartition(":")
    return node == os.uname().nodename and not Path(f"/proc/{pid}").exists()


def _local_image(raw: Mapping[str, Any], labels: Mapping[str, str] | None) -> LocalImage:
    # In a list one without a name is called <none>:<none>, and <none>@<none>.
    tags, digests = (
        tuple(name for name in raw[key] or () if not name.startswith("<none>")) for key in ("RepoTags", "RepoDigests")
    )
    image = LocalImage(id=raw["Id"], tags=tags, size=raw["Size"], labels=labels or {}, digests=digests)
    if "RootFS" not in raw:
        return image
    made = datetime.fromisoformat(raw["Created"]).timestamp() if raw.get("Created") else 0
    return replace(image, layers=tuple(raw["RootFS"].get("Layers") or ()), made=made)
