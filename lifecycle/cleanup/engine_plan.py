"""cache_images: builder and base images that no current combination needs leave the engine. Planned first, as in `cache.py`.

They are ours by their name, `nvidia-installer/…`, which is no registry's. The installer images are `prune.py`'s.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lifecycle.cleanup.retention import NEEDED, UNNEEDED, Age
from lifecycle.tools.engine.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_DIGEST

# `*` is no slash (Go's path.Match, by which the engine looks for names).
BUILD_IMAGES = "nvidia-installer/*"
_FOLDER = BUILD_IMAGES.removesuffix("*")
# A base that was pulled has the labels of whoever made it.
_BASES = f"{_FOLDER}base:"


@dataclass(frozen=True, kw_only=True)
class ImageFate:
    """What becomes of an image: `names` are ours, `size` the bytes of what it adds to the image of ours that it is made of.

    `used` is when a build last needed it, or it was made, in seconds since 1970. `kept` says why it stays although nobody needs
    it; a needed one always stays.
    """

    image: str
    names: tuple[str, ...]
    size: int
    used: float
    needed: bool
    reason: str
    kept: str = ""

    @property
    def repository(self) -> str:
        """The name without the tag."""
        return self.names[0].partition(":")[0]

    @property
    def goes(self) -> bool:
        """Whether it is to be removed."""
        return not self.needed and not self.kept


# ----- pure


def plan_images(
    images: Iterable[LocalImage],
    needed: Collection[str],
    used: Mapping[str, int],
    *,
    in_use: Collection[str],
    now: float,
    older_than: Age | None = None,
) -> list[ImageFate]:
    """What becomes of each image of ours, those that are made of others first.

    `needed` are names, `used` says when a build last needed them, `in_use` are ids of those that containers are made of.
    """

    def kept(image: LocalImage, last: float) -> str:
        foreign = [name for name in (*image.tags, *image.digests) if not name.startswith(_FOLDER)]
        if image.id in in_use:
            return "a container uses it"
        if foreign:
            return f"it has a name that is none of ours: {foreign[0]}"
        return older_than.keeps(last, now) if older_than else ""

    ours = sorted(filter(_is_ours, images), key=lambda image: -len(image.layers))
    sizes = own_sizes(ours)
    fates = []
    for image in ours:
        names = tuple(tag for tag in image.tags if tag.startswith(_FOLDER))
        last = max(image.made, *(used.get(name, 0) for name in names))
        fate = ImageFate(image=image.id, names=names, size=sizes[image.id], used=last, needed=True, reason=NEEDED)
        if not any(name in needed for name in names):
            fate = replace(fate, needed=False, reason=UNNEEDED, kept=kept(image, last))
        fates.append(fate)
    return fates


def own_sizes(images: Sequence[LocalImage]) -> dict[str, int]:
    """What each image adds, in bytes, to the largest of the others that it is made of, by its id."""
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


def remove_images(engine: Engine, fates: Iterable[ImageFate]) -> list[ImageFate]:
    """Follow the plan; returns what became of it: what the engine does not let go has the reason in `kept`."""
    return [replace(fate, kept=_remove(engine, fate)) if fate.goes else fate for fate in fates]


def _remove(engine: Engine, fate: ImageFate) -> str:
    said = engine.remove_image(fate.image, fate.names)
    left = engine.image(fate.image) if said else None
    if left is not None and not left.tags:
        return "images are made of it: only its name is gone, and its layers go with them"
    return said
