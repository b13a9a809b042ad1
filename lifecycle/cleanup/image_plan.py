"""The plan of `invoke prune`: installer images that are not needed any more are removed from the engine and the registry.

Our images have the component's name in their labels; others are never touched. An image is retired if its combination is not in
the matrix. In the engine it is superseded if its combination has other inputs now and none of our names refers to it. In the
registry superseded images stay, since nodes may run them, and for a rollback.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from lifecycle.cleanup.retention import Decision
from lifecycle.tools.engine.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_COMPONENT, LABEL_DIGEST
from lifecycle.tools.registry.client import Registry, RemoteImage

IN_USE = "GitOps refers to it"


class Place(StrEnum):
    """The place of an image."""

    ENGINE = "engine"
    REGISTRY = "registry"


class Reason(StrEnum):
    """The reason why an image is not needed."""

    RETIRED = "its combination is not in the matrix"
    SUPERSEDED = "its inputs have changed and it has no name"


@dataclass(frozen=True, kw_only=True)
class OwnedImages:
    """The images of a component that are needed.

    `component` is the component's name, `name` that of its images in the engine (`registry/repository`). `combinations` has the
    identifiers of the matrix, `inputs` the digests of the images' inputs.
    """

    component: str
    name: str
    combinations: Collection[str]
    inputs: Collection[str]

    def is_ours(self, labels: Mapping[str, str]) -> bool:
        """Return whether an image with these labels belongs to the component."""
        return labels.get(LABEL_COMPONENT) == self.component and LABEL_COMBINATION in labels

    def is_our_name(self, reference: str) -> bool:
        """Return whether a reference in the engine, by tag or by digest, has the component's image name."""
        return reference.startswith((f"{self.name}:", f"{self.name}@"))


@dataclass(frozen=True, kw_only=True)
class InstallerImage:
    """An installer image. `image` is its id in the engine or its digest in the registry; `size` is in bytes."""

    place: Place
    combination: str
    image: str
    tags: tuple[str, ...]
    size: int


@dataclass(frozen=True, kw_only=True)
class TaggedImage:
    """An image in the registry with all its tags."""

    image: RemoteImage
    tags: tuple[str, ...]


# ----- pure


def plan_engine(
    images: Iterable[LocalImage], needed: OwnedImages, *, used: Collection[str]
) -> list[Decision[InstallerImage]]:
    """Return the engine's images that are not needed; `used` has the ids of images that containers use."""
    return [
        Decision(
            item=InstallerImage(
                place=Place.ENGINE,
                combination=image.labels[LABEL_COMBINATION],
                image=image.id,
                tags=image.tags,
                size=image.size,
            ),
            needed=False,
            reason=reason,
            kept=_kept_in_engine(image, needed, used),
        )
        for image in images
        if needed.is_ours(image.labels) and (reason := _reason(image, needed))
    ]


def _reason(image: LocalImage, needed: OwnedImages) -> Reason | None:
    if image.labels[LABEL_COMBINATION] not in needed.combinations:
        return Reason.RETIRED
    named = any(needed.is_our_name(tag) for tag in image.tags)
    return None if named or image.labels.get(LABEL_DIGEST) in needed.inputs else Reason.SUPERSEDED


def _kept_in_engine(image: LocalImage, needed: OwnedImages, used: Collection[str]) -> str:
    if image.id in used:
        return "a container uses it"
    foreign = [name for name in (*image.tags, *image.digests) if not needed.is_our_name(name)]
    return f"it has a name that is not ours: {foreign[0]}" if foreign else ""


def plan_registry(
    images: Iterable[TaggedImage], needed: OwnedImages, *, in_use: Collection[str]
) -> list[Decision[InstallerImage]]:
    """Return the images in the registry that are not needed: each manifest once, with all its tags.

    `in_use` has the digests and tags that GitOps refers to; their images stay.
    """
    return [
        Decision(
            item=InstallerImage(
                place=Place.REGISTRY,
                combination=found.image.labels[LABEL_COMBINATION],
                image=found.image.digest,
                tags=found.tags,
                size=found.image.size,
            ),
            needed=False,
            reason=Reason.RETIRED,
            kept=IN_USE if {found.image.digest, *found.tags} & set(in_use) else "",
        )
        for found in images
        if needed.is_ours(found.image.labels) and found.image.labels[LABEL_COMBINATION] not in needed.combinations
    ]


# ----- effects


def tagged_images(registry: Registry, repository: str) -> list[TaggedImage]:
    """Return all tagged images of a repository. Raises RegistryRefusedError."""
    images: dict[str, RemoteImage] = {}
    tags: dict[str, list[str]] = {}
    for tag in registry.tags(repository):
        image = registry.image(repository, tag)
        if image is not None:
            images[image.digest] = image
            tags.setdefault(image.digest, []).append(tag)
    return [TaggedImage(image=image, tags=tuple(tags[digest])) for digest, image in images.items()]


def remove_from_engine(engine: Engine, plan: Iterable[Decision[InstallerImage]]) -> list[Decision[InstallerImage]]:
    """Remove images as planned. Return the plan; an image that the engine did not remove has the reason in `kept`."""
    return [one if one.kept else replace(one, kept=engine.remove_image(one.item.image, one.item.tags)) for one in plan]


def delete_from_registry(registry: Registry, repository: str, plan: Iterable[Decision[InstallerImage]]) -> None:
    """Delete images as planned. Raises RegistryRefusedError, DeletionDisabledError."""
    for one in plan:
        if not one.kept:
            registry.delete(repository, one.item.image)
