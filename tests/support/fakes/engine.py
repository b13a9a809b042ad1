"""A container engine in memory, in place of the real one."""

import fnmatch
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.engine import ImageLayer, LocalImage, PulledImage
from lifecycle.tools.engine.errors import EngineRefusedError, EngineUnreachableError
from tests.support.builders.projects import local_image
from tests.support.builders.saved_images import image_tags, saved_image

if TYPE_CHECKING:
    from lifecycle.tools.registry.login import Login


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build that the engine was asked for."""

    context: bytes
    tag: str
    base: str
    labels: Mapping[str, str]


class FakeEngine:
    """An engine that has the given images, and records what it is asked for and what is done in it.

    `images_there` changes as images are built, committed, pulled and removed. With `any_image` every image exists and can be
    pulled. Where `unreachable` is true, the lists and sizes of images raise EngineUnreachableError. `conflicts` are the
    reasons why images, by id, cannot be removed.

    Each container has `files`, by path, prints `output` and ends with `exit_code`. It calls `program` with itself when it runs.
    """

    def __init__(
        self, *images: LocalImage, files: Mapping[str, bytes] | None = None, exit_code: int = 0, output: bytes = b""
    ) -> None:
        self.images_there = list(images)
        self.any_image = False
        self.unreachable = False
        self.conflicts: dict[str, str] = {}
        self.files = dict(files or {})
        self.exit_code = exit_code
        self.output = output
        self.program: Callable[[FakeContainer], None] = lambda _: None
        self.asked: list[str] = []
        self.tagged: list[tuple[str, str]] = []
        self.loaded: list[bytes] = []
        self.builds: list[Build] = []
        self.containers: list[FakeContainer] = []

    def image(self, reference: str) -> LocalImage | None:
        """Return the image with a tag or id."""
        self.asked.append(reference)
        if self.any_image:
            return local_image(reference)
        return next((image for image in self.images_there if reference in (image.id, *image.tags)), None)

    def images(self, label: str) -> list[LocalImage]:
        """Return the images that carry a label; raises EngineUnreachableError."""
        self._require_reachable()
        self.asked.append(label)
        key, has_value, value = label.partition("=")
        return [
            image
            for image in self.images_there
            if key in image.labels and (not has_value or image.labels[key] == value)
        ]

    def images_named(self, pattern: str) -> list[LocalImage]:
        """Return the images with a tag that matches a pattern; raises EngineUnreachableError."""
        self._require_reachable()
        return [image for image in self.images_there if fnmatch.filter(image.tags, pattern)]

    def layers(self, image: str) -> list[ImageLayer]:
        """Return two layers for every image."""
        self.asked.append(image)
        return [ImageLayer(created_by="base", size=30_000_000), ImageLayer(created_by="modules", size=12_000_000)]

    def images_in_use(self) -> set[str]:
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
        """Remove an image by its id with all of its tags, unless there is a conflict."""
        if image in self.conflicts:
            return self.conflicts[image]
        self.images_there = [one for one in self.images_there if one.id != image]
        return ""

    def pull(self, reference: str, architecture: str) -> PulledImage:
        """Return an image for any reference with `any_image`; fail the test without."""
        if not self.any_image:
            message = f"{reference} for {architecture} was to be pulled"
            raise AssertionError(message)
        digest = "sha256:" + reference.encode().hex().ljust(64, "0")[:64]
        return PulledImage(digest=digest, id=digest)

    def push(self, reference: str, login: "Login | None") -> str:
        """Fail the test: nothing in memory is pushed."""
        message = f"{reference} was to be pushed"
        raise AssertionError(message)

    def save(self, reference: str, path: Path) -> None:
        """Write an archive of an image that has one layer."""
        path.write_bytes(saved_image(reference))

    def load(self, path: Path) -> None:
        """Keep the bytes of a `docker save` archive, and have its image."""
        self.loaded.append(path.read_bytes())
        self.images_there.append(local_image(*image_tags(self.loaded[-1])))

    def tag(self, image: str, reference: str) -> None:
        """Record a tag for an image."""
        self.tagged.append((image, reference))

    def remove_tag(self, reference: str) -> None:
        """Remove the image with a tag."""
        self.images_there = [image for image in self.images_there if reference not in image.tags]

    def build(self, context: IO[bytes], *, tag: str, base: str, labels: Mapping[str, str], log: Path) -> LocalImage:
        """Record a build, write its log, and return an image with the tag."""
        self.builds.append(Build(context=context.read(), tag=tag, base=base, labels=labels))
        log.write_text("built")
        self.images_there.append(local_image(tag))
        return self.images_there[-1]

    @contextmanager
    def container(
        self, image: str, *, env: Mapping[str, str], entrypoint: Sequence[str] | None = None, stdin: bool = False
    ) -> Iterator["FakeContainer"]:
        """Yield a container of an image that is there, by its tag or id; raises EngineRefusedError for others."""
        if not any(image in (one.id, *one.tags) for one in self.images_there):
            raise EngineRefusedError(f"create a container of {image}", f"No such image: {image}")
        self.containers.append(
            FakeContainer(self, image, dict(env), list(entrypoint or ()), stdin, files=dict(self.files))
        )
        yield self.containers[-1]

    def stop_own_containers(self) -> None:
        """Do nothing: no container runs."""

    def remove_dead_containers(self) -> None:
        """Do nothing: nothing is left over."""

    def _require_reachable(self) -> None:
        if self.unreachable:
            raise EngineUnreachableError("unix:///nobody", "nobody is there")


@dataclass
class FakeContainer:
    """A container; `files` are in it by their absolute path, `received` and `folders` were put into it by their relative one."""

    engine: FakeEngine
    image: str
    env: Mapping[str, str]
    entrypoint: list[str]
    has_stdin: bool
    files: dict[str, bytes]
    received: dict[str, bytes] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    stdin: bytes | None = None

    def put(
        self,
        files: Mapping[str, bytes | Path],
        *,
        executables: Iterable[str] = (),
        folders: Iterable[str] = (),
        scratch: Path,
    ) -> None:
        """Record files and folders; `executables` have to be among the files."""
        assert set(executables) <= set(files)
        assert scratch.is_dir()
        self.received |= {
            name: content if isinstance(content, bytes) else content.read_bytes() for name, content in files.items()
        }
        self.folders += folders

    def run(self, log: Path, *, stdin: bytes | None = None) -> int:
        """Call the engine's program, write its output to `log`, and return its exit code."""
        assert self.has_stdin or stdin is None
        self.stdin = stdin
        self.engine.program(self)
        log.write_bytes(self.engine.output)
        return self.engine.exit_code

    def commit(self, reference: str, labels: Mapping[str, str]) -> None:
        """Add an image with a tag and labels to the engine."""
        self.engine.images_there.append(replace(local_image(reference), labels=labels))

    @contextmanager
    def get(self, path: str) -> Iterator[IO[bytes]]:
        """Yield a tar of a file, or of all files below a folder, named from the last part of `path` on."""
        found = {
            name.removeprefix(path.rpartition("/")[0] + "/"): content
            for name, content in self.files.items()
            if name == path or name.startswith(f"{path}/")
        }
        yield io.BytesIO(tar_bytes(found))
