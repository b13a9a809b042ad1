"""A container engine in memory, in place of the real one."""

import fnmatch
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.engine import LocalImage, PulledImage
from lifecycle.tools.engine.errors import EngineUnreachableError
from tests.support.builders.projects import local_image


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build that the engine was asked for."""

    context: bytes
    tag: str
    base: str
    labels: Mapping[str, str]


class FakeEngine:
    """An engine that has the given images, and records what it is asked for and what is done in it.

    `images_there` changes as images are built and removed. `files` are in the containers of every image, by path.
    Where `unreachable` is true, listing images raises EngineUnreachableError, as does everything about their sizes.
    """

    def __init__(self, *images: LocalImage, files: Mapping[str, bytes] | None = None) -> None:
        self.images_there = list(images)
        self.files = dict(files or {})
        self.unreachable = False
        self.asked: list[str] = []
        self.tagged: list[tuple[str, str]] = []
        self.loaded: list[bytes] = []
        self.builds: list[Build] = []

    def image(self, reference: str) -> LocalImage | None:
        """Return the image with a tag."""
        self.asked.append(reference)
        return next((image for image in self.images_there if reference in image.tags), None)

    def images(self, label: str) -> list[LocalImage]:
        """Return the images that carry a label; raises EngineUnreachableError."""
        self._require_reachable()
        self.asked.append(label)
        return [image for image in self.images_there if label in image.labels]

    def images_named(self, pattern: str) -> list[LocalImage]:
        """Return the images with a tag that matches a pattern; raises EngineUnreachableError."""
        self._require_reachable()
        return [image for image in self.images_there if fnmatch.filter(image.tags, pattern)]

    def used_images(self) -> set[str]:
        """Return the ids of the images of its containers: it keeps none."""
        return set()

    def capacity(self) -> tuple[int, int]:
        """Return two cores and a GiB."""
        return 2, 1 << 30

    def stored_bytes(self) -> int:
        """Return the size of all images; raises EngineUnreachableError."""
        self._require_reachable()
        return sum(image.size for image in self.images_there)

    def remove_image(self, image: str, tags: Iterable[str]) -> str:
        """Remove an image by its id with all of its tags."""
        self.images_there = [one for one in self.images_there if one.id != image]
        return ""

    def pull(self, reference: str, architecture: str) -> PulledImage:
        """Fail the test: nothing in memory is pulled."""
        message = f"{reference} for {architecture} was to be pulled"
        raise AssertionError(message)

    def load(self, path: Path) -> None:
        """Keep the bytes of a `docker save` archive."""
        self.loaded.append(path.read_bytes())

    def tag(self, image: str, reference: str) -> None:
        """Record a tag for an image."""
        self.tagged.append((image, reference))

    def build(self, context: IO[bytes], *, tag: str, base: str, labels: Mapping[str, str], log: Path) -> LocalImage:
        """Record a build, write its log, and return an image with the tag."""
        self.builds.append(Build(context=context.read(), tag=tag, base=base, labels=labels))
        log.write_text("built")
        self.images_there.append(local_image(tag))
        return self.images_there[-1]

    @contextmanager
    def container(self, image: str, *, env: Mapping[str, str]) -> Iterator["FakeContainer"]:
        """Yield a container of an image that is there, by its id; its environment has to be empty."""
        assert image in {one.id for one in self.images_there}
        assert env == {}
        yield FakeContainer(self.files)

    def stop_own_containers(self) -> None:
        """Do nothing: no container runs."""

    def sweep(self) -> None:
        """Do nothing: nothing is left over."""

    def _require_reachable(self) -> None:
        if self.unreachable:
            raise EngineUnreachableError("unix:///nobody", "nobody is there")


@dataclass(frozen=True)
class FakeContainer:
    """A container that has some files, by path."""

    files: Mapping[str, bytes]

    @contextmanager
    def get(self, path: str) -> Iterator[IO[bytes]]:
        """Yield a tar of one file, which is named by the last part of its path."""
        yield io.BytesIO(tar_bytes({Path(path).name: self.files[path]}))
