"""What has been made so far: the store's results and the engine's images, asked once."""

from collections.abc import Mapping
from functools import cached_property

from lifecycle.model.component import Image
from lifecycle.model.targets import Kind, Target
from lifecycle.tools.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.store import Store

_IN_ENGINE = (Kind.BASE, Kind.IMAGE)


class BuildState:
    """The planner's view of the world; a snapshot of the engine's images is taken at the first question."""

    def __init__(self, store: Store, engine: Engine, image: Image) -> None:
        self._store = store
        self._engine = engine
        self._prefix = f"{image.registry}/{image.repository}:"

    @cached_property
    def images(self) -> Mapping[str, LocalImage]:
        """The engine's images of ours that have a name, by the digest of their inputs."""
        named = (image for image in self._engine.images(LABEL_DIGEST) if image.tags)
        return {image.labels[LABEL_DIGEST]: image for image in named if self._is_ours(image)}

    def _is_ours(self, image: LocalImage) -> bool:
        return any(tag.startswith((self._prefix, "nvidia-installer/")) for tag in image.tags)

    def has(self, target: Target) -> bool:
        """Whether the very target is there."""
        if target.kind in _IN_ENGINE:
            return target.digest in self.images
        return self._store.result(target.kind, target.digest) is not None

    def latest_inputs(self, target: Target) -> Mapping[str, object] | None:
        """The inputs of what was last made under the target's kind and name."""
        return self._store.latest_inputs(target.kind, target.name)
