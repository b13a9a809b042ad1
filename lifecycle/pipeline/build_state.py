"""What has been made so far: the store's results and the engine's images, asked once."""

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
    """How the engine calls the images in its lists: it leaves its default registry's name out."""
    return f"{image.registry}/{image.repository}".removeprefix("docker.io/")


class BuildState:
    """The planner's view of the world; a snapshot of the engine's images is taken at the first question.

    `results` are those that machines share, where they do.
    """

    def __init__(self, cache: Cache, engine: "Engine", image: Image, results: "RemoteCache | None" = None) -> None:
        self._cache = cache
        self._engine = engine
        self._results = results
        self._there: dict[str, bool] = {}
        self._prefix = f"{local_name(image)}:"

    @cached_property
    def images(self) -> "Mapping[str, LocalImage]":
        """The engine's installer images that have a name, by the digest of their inputs."""
        ours = (i for i in self._labelled if any(tag.startswith(self._prefix) for tag in i.tags))
        return {image.labels[LABEL_DIGEST]: image for image in ours}

    @cached_property
    def _labelled(self) -> "Sequence[LocalImage]":
        return self._engine.images(LABEL_DIGEST)

    @cached_property
    def _tags(self) -> set[str]:
        return {tag for image in self._labelled for tag in image.tags}

    def has(self, target: Target) -> bool:
        """Whether the very target is there."""
        if target.digest not in self._there:
            self._there[target.digest] = self._find(target)
        return self._there[target.digest]

    def _find(self, target: Target) -> bool:
        if target.kind is Kind.BASE:
            # By its tag, which holds the digest: an image that was pulled carries no label of ours.
            tag = base_tag(target)
            return tag in self._tags or self._engine.image(tag) is not None
        if target.kind is Kind.IMAGE:
            return target.digest in self.images
        return self._cache.result(target.kind, target.digest) is not None

    def shared(self, targets: Sequence[Target]) -> set[str]:
        """The digests of those that another machine has shared."""
        return self._results.find(targets) if self._results else set()

    def latest_inputs(self, target: Target) -> Mapping[str, object] | None:
        """The inputs of what was last made under the target's kind and name."""
        return self._cache.latest_inputs(target.kind, target.name)
