"""prune: images that nobody needs any more leave the engine, and the registry. Planned first; what is not ours is not touched.

An image is ours by the component's name in its labels. It is retired where its combination is not in the matrix any more. In
the engine it is superseded where it is made of other inputs than its combination has now and none of our names leads to it; in
the registry such a one stays, since a node may run it and it is what one goes back to.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from lifecycle.tools.engine.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_COMPONENT, LABEL_DIGEST
from lifecycle.tools.registry.client import Registry, RemoteImage

IN_USE = "GitOps refers to it"


class Place(StrEnum):
    """Match an image is."""

    ENGINE = "engine"
    REGISTRY = "registry"


class Reason(StrEnum):
    """Why nobody needs an image."""

    RETIRED = "its combination is not in the matrix"
    SUPERSEDED = "made of other inputs than now, and without a name"


@dataclass(frozen=True, kw_only=True)
class OwnedImages:
    """Whose images are looked at, and which are needed.

    `component` is the component's name, `name` that of its images in the engine (`registry/repository`), `combinations` are the
    matrix's, `inputs` the digests of their images' inputs.
    """

    component: str
    name: str
    combinations: Collection[str]
    inputs: Collection[str]

    def is_ours(self, labels: Mapping[str, str]) -> bool:
        """Whether an image with these labels is this component's."""
        return labels.get(LABEL_COMPONENT) == self.component and LABEL_COMBINATION in labels

    def is_our_name(self, reference: str) -> bool:
        """Whether a name in the engine, by tag or by digest, is one that we give."""
        return reference.startswith((f"{self.name}:", f"{self.name}@"))


@dataclass(frozen=True, kw_only=True)
class Unneeded:
    """An image that nobody needs: `image` is its id in the engine, its digest in the registry; `size` its bytes there.

    `kept` says why it stays all the same; it is empty where the image goes.
    """

    place: Place
    combination: str
    image: str
    tags: tuple[str, ...]
    size: int
    reason: Reason
    kept: str


@dataclass(frozen=True, kw_only=True)
class TaggedImage:
    """An image in the registry, and all tags that lead to it."""

    image: RemoteImage
    tags: tuple[str, ...]


# ----- pure


def plan_engine(images: Iterable[LocalImage], needed: OwnedImages, *, used: Collection[str]) -> list[Unneeded]:
    """What nobody needs of the engine's images; `used` are the ids of those that containers are made of."""
    return [
        Unneeded(
            place=Place.ENGINE,
            combination=image.labels[LABEL_COMBINATION],
            image=image.id,
            tags=image.tags,
            size=image.size,
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
    return f"it has a name that is none of ours: {foreign[0]}" if foreign else ""


def plan_registry(images: Iterable[TaggedImage], needed: OwnedImages, *, in_use: Collection[str]) -> list[Unneeded]:
    """What nobody needs of the images in the registry: each manifest once, with all its tags.

    `in_use` are digests and tags that clusters are told of; their images stay.
    """
    return [
        Unneeded(
            place=Place.REGISTRY,
            combination=found.image.labels[LABEL_COMBINATION],
            image=found.image.digest,
            tags=found.tags,
            size=found.image.size,
            reason=Reason.RETIRED,
            kept=IN_USE if {found.image.digest, *found.tags} & set(in_use) else "",
        )
        for found in images
        if needed.is_ours(found.image.labels) and found.image.labels[LABEL_COMBINATION] not in needed.combinations
    ]


# ----- effects


def tagged_images(registry: Registry, repository: str) -> list[TaggedImage]:
    """All that a repository's tags lead to; raises RegistryRefusedError."""
    images: dict[str, RemoteImage] = {}
    tags: dict[str, list[str]] = {}
    for tag in registry.tags(repository):
        image = registry.image(repository, tag)
        if image is not None:
            images[image.digest] = image
            tags.setdefault(image.digest, []).append(tag)
    return [TaggedImage(image=image, tags=tuple(tags[digest])) for digest, image in images.items()]


def remove_from_engine(engine: Engine, plan: Iterable[Unneeded]) -> list[Unneeded]:
    """Follow the plan; returns what became of it: what the engine does not let go has its words in `kept`."""
    return [one if one.kept else replace(one, kept=engine.remove_image(one.image, one.tags)) for one in plan]


def delete_from_registry(registry: Registry, repository: str, plan: Iterable[Unneeded]) -> None:
    """Follow the plan; raises RegistryRefusedError, DeletionDisabledError."""
    for one in plan:
        if not one.kept:
            registry.delete(repository, one.image)
