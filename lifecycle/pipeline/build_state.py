"""The existing targets: results in the cache, images in the engine, and results in the remote cache."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lifecycle.cache.cache import Cache
from lifecycle.config.component import Image
from lifecycle.planning.targets import Kind, Target, base_tag
from lifecycle.tools.labels import LABEL_DIGEST

if TYPE_CHECKING:
    from lifecycle.cache.remote import RemoteCache
    from lifecycle.tools.engine.engine import Engine, LocalImage


def local_name(image: Image) -> str:
    """Return the name of the images in the engine's lists, which omit the default registry."""
    return f"{image.registry}/{image.repository}".removeprefix("docker.io/")


class BuildState:
    """The planner's state; the engine's images are listed once, at the first question."""

    def __init__(self, cache: Cache, engine: "Engine", image: Image, remote: "RemoteCache | None" = None) -> None:
        self._cache = cache
        self._engine = engine
        self._remote = remote
        self._exists: dict[str, bool] = {}
        self._prefix = f"{local_name(image)}:"

    @cached_property
    def images(self) -> "Mapping[str, LocalImage]":
        """The engine's tagged installer images, by the digest of their inputs."""
        ours = (i for i in self._labelled if any(tag.startswith(self._prefix) for tag in i.tags))
        return {image.labels[LABEL_DIGEST]: image for image in ours}

    @cached_property
    def _labelled(self) -> "Sequence[LocalImage]":
        return self._engine.images(LABEL_DIGEST)

    @cached_property
    def _tags(self) -> set[str]:
        return {tag for image in self._labelled for tag in image.tags}

    def has(self, target: Target) -> bool:
        """Return whether the target exists in the cache or the engine."""
        if target.digest not in self._exists:
            self._exists[target.digest] = self._find(target)
        return self._exists[target.digest]

    def _find(self, target: Target) -> bool:
        if target.kind is Kind.BASE:
            # The tag contains the digest; a pulled image has no label of ours.
            tag = base_tag(target)
            return tag in self._tags or self._engine.image(tag) is not None
        if target.kind is Kind.IMAGE:
            return target.digest in self.images
        return self._cache.result(target.kind, target.digest) is not None

    def shared(self, targets: Sequence[Target]) -> set[str]:
        """Return the digests of the targets that the remote cache has."""
        return self._remote.find(targets) if self._remote else set()

    def latest_inputs(self, target: Target) -> Mapping[str, object] | None:
        """Return the inputs of the last target of the same kind and name, or None."""
        return self._cache.latest_inputs(target.kind, target.name)
