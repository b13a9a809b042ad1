"""The plan of `invoke cache.prune` for the engine: builder and base images that no current combination needs are removed.

Our images are known by their name, `nvidia-installer/…`, which no registry has. image_plan.py handles installer images.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lifecycle.cleanup.retention import NEEDED, UNNEEDED, Age, Decision
from lifecycle.tools.engine.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_DIGEST

# `*` does not match a slash (Go's path.Match, which the engine uses).
BUILD_IMAGES = "nvidia-installer/*"
_FOLDER = BUILD_IMAGES.removesuffix("*")
# A pulled base has the labels of its maker.
_BASES = f"{_FOLDER}base:"


@dataclass(frozen=True, kw_only=True)
class BuildImage:
    """A builder or base image of ours in the engine, by its id.

    `names` are its tags. `size` is in bytes, without the image of this project on which it is based. `used` is when a build last
    needed it, or its creation time, in seconds since 1970.
    """

    image: str
    names: tuple[str, ...]
    size: int
    used: float

    @property
    def repository(self) -> str:
        """The first name, without the tag."""
        return self.names[0].partition(":")[0]


# ----- pure


def plan_images(
    images: Iterable[LocalImage],
    needed: Collection[str],
    used: Mapping[str, int],
    *,
    in_use: Collection[str],
    now: float,
    older_than: Age | None = None,
) -> list[Decision[BuildImage]]:
    """Decide on each image of ours; an image comes before those that it is made of.

    `needed` has names, `used` when a build last needed each name, and `in_use` the ids of images that containers use.
    """

    def kept(image: LocalImage, last: float) -> str:
        foreign = [name for name in (*image.tags, *image.digests) if not name.startswith(_FOLDER)]
        if image.id in in_use:
            return "a container uses it"
        if foreign:
            return f"it has a name that is not ours: {foreign[0]}"
        return older_than.keeps(last, now) if older_than else ""

    ours = sorted(filter(_is_ours, images), key=lambda image: -len(image.layers))
    sizes = own_sizes(ours)
    decisions = []
    for image in ours:
        names = tuple(tag for tag in image.tags if tag.startswith(_FOLDER))
        last = max(image.created, *(used.get(name, 0) for name in names))
        item = BuildImage(image=image.id, names=names, size=sizes[image.id], used=last)
        decision = Decision(item=item, needed=True, reason=NEEDED)
        if not any(name in needed for name in names):
            decision = replace(decision, needed=False, reason=UNNEEDED, kept=kept(image, last))
        decisions.append(decision)
    return decisions


def own_sizes(images: Sequence[LocalImage]) -> dict[str, int]:
    """Return the size of each image in bytes, without the largest other image that it is made of, by its id."""
    return {
        image.id: image.size - max((other.size for other in images if _is_made_of(image, other)), default=0)
        for image in images
    }


def _is_made_of(image: LocalImage, other: LocalImage) -> bool:
    count = len(other.layers)
    return 0 < count < len(image.layers) and image.layers[:count] == other.layers


def _is_ours(image: LocalImage) -> bool:
    made = LABEL_DIGEST in image.labels and LABEL_COMBINATION not in image.labels
    return any(tag.startswith(_FOLDER if made else _BASES) for tag in image.tags)


# ----- effects


def remove_images(engine: Engine, decisions: Iterable[Decision[BuildImage]]) -> list[Decision[BuildImage]]:
    """Remove images as decided. Return the decisions; an image that the engine did not remove has the reason in `kept`."""
    return [replace(d, kept=_remove(engine, d.item)) if d.to_remove else d for d in decisions]


def _remove(engine: Engine, image: BuildImage) -> str:
    said = engine.remove_image(image.image, image.names)
    left = engine.image(image.image) if said else None
    if left is not None and not left.tags:
        return "other images are made of it: only its name is removed, and its layers go with them"
    return said
