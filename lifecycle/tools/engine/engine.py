"""The interface of a container engine, as the project uses it, without the SDK behind it.

`docker_engine.py` implements it for Docker; the unit tests implement it in memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lifecycle.tools.registry.login import Login


@dataclass(frozen=True, kw_only=True)
class LocalImage:
    """An image in the engine.

    `size` is in bytes. `digests` are the names by digest, `repository@sha256:…`, of registries that have it. `layers` are
    the digests of its layers from the lowest on, `created` is its creation time in seconds since 1970; a list of images
    leaves these two empty.
    """

    id: str
    tags: tuple[str, ...]
    size: int
    labels: Mapping[str, str]
    digests: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    created: float = 0


@dataclass(frozen=True, kw_only=True)
class ImageLayer:
    """A layer of an image: the text in the image's history that says what made it, and its size in bytes, uncompressed."""

    created_by: str
    size: int


@dataclass(frozen=True, kw_only=True)
class PulledImage:
    """A pulled image: its digest in the registry, and its id, the digest of its configuration (both `sha256:…`)."""

    digest: str
    id: str


class Container(Protocol):
    """A container without network. All methods raise EngineRefusedError, EngineUnreachableError."""

    def put(
        self,
        files: Mapping[str, bytes | Path],
        *,
        executables: Iterable[str] = (),
        folders: Iterable[str] = (),
        scratch: Path,
    ) -> None:
        """Copy files and empty folders into the container, by their path below its root.

        `executables` are the names of files that get the executable bit. The tar on the way is written to `scratch`.
        """

    def run(self, log: Path, *, stdin: bytes | None = None) -> int:
        """Run the container to its end, write its output to `log`, and return its exit code.

        `stdin` is the content of its standard input, for a container that was created with one. The engine stores it nowhere.
        """

    def commit(self, reference: str, labels: Mapping[str, str]) -> None:
        """Save the container's files as an image with a tag and labels (`docker commit`)."""

    def get(self, path: str) -> AbstractContextManager[IO[bytes]]:
        """Yield a tar stream of a file or folder; the last part of `path` is the first part of each name in it."""


class Engine(Protocol):
    """A container engine. All methods raise EngineRefusedError, EngineUnreachableError, and UsageError for a bad address."""

    def image(self, reference: str) -> LocalImage | None:
        """Return the image with a tag or id, or None."""

    def images(self, label: str) -> list[LocalImage]:
        """Return all images that carry a label (`label`, or `label=value`)."""

    def images_named(self, pattern: str) -> list[LocalImage]:
        """Return the images with a tag that matches a pattern such as `repository/*`, each with all of its tags."""

    def layers(self, image: str) -> list[ImageLayer]:
        """Return the layers of an image, by its id, from the lowest on."""

    def images_in_use(self) -> set[str]:
        """Return the ids of the images of all containers, running or not."""

    def capacity(self) -> tuple[int, int]:
        """Return the cores and the bytes of memory that containers may use.

        For an engine on this machine, the cores are limited to those that this process may use.
        """

    def stored_bytes(self) -> int:
        """Return the size of the layers of all images in bytes; a shared layer counts once."""

    def remove_image(self, image: str, tags: Iterable[str]) -> str:
        """Remove an image, by its id, and those of `tags` that name it; return why it stays, or ""."""

    def pull(self, reference: str, architecture: str) -> PulledImage:
        """Pull the image of a reference for an architecture (`amd64`, `arm64`), with the login of Docker's configuration.

        Raises CredentialHelperError or DockerConfigError if the registry wants a login that cannot be read.
        """

    def push(self, reference: str, login: "Login | None") -> str:
        """Push an image by its tag; return what the registry refused, or ""."""

    def save(self, reference: str, path: Path) -> None:
        """Write an image, by a tag or its id, to a tar file (`docker save`); a tag is part of it."""

    def load(self, path: Path) -> None:
        """Read images from a tar file (`docker load`); the engine checks each layer against the image's configuration."""

    def tag(self, image: str, reference: str) -> None:
        """Add a tag to an image."""

    def remove_tag(self, reference: str) -> None:
        """Remove a tag, and the image if that was its last one. A missing tag is no error."""

    def build(self, context: IO[bytes], *, tag: str, base: str, labels: Mapping[str, str], log: Path) -> LocalImage:
        """Build an image, without network, from a tar with its Dockerfile and files. Raises ImageBuildError.

        `base` is the build argument BASE; the output of the build is written to `log`.
        """

    def container(
        self, image: str, *, env: Mapping[str, str], entrypoint: Sequence[str] | None = None, stdin: bool = False
    ) -> AbstractContextManager[Container]:
        """Yield a container without network, created but not started; it is removed at the end in any case.

        `entrypoint` replaces the image's own command; `stdin` gives the container a standard input.
        Raises StoppedError after `stop_own_containers`.
        """

    def stop_own_containers(self) -> None:
        """Remove all containers of this process, which ends the threads that wait for one, and refuse to create more."""

    def remove_dead_containers(self) -> None:
        """Remove the containers that ended processes of this machine left behind."""
