"""What the engine's images are called that modules are compiled in: by the digest of what they are made of. Pure."""

import re
from collections.abc import Mapping, Sequence

from lifecycle.config.lock import LockedFile
from lifecycle.planning.targets import hashes
from lifecycle.tools.digest import digest_of, short


def builder_tag(base: str, name: str, recipe: Mapping[str, object]) -> str:
    """Return the local tag of the builder image of a name on a base (a tag).

    `recipe` is what `Targets.recipe` returns of the modules: whatever makes the modules another format makes the builder another.
    """
    return f"nvidia-installer/builder-{name}:{short(digest_of([base, dict(recipe)]))}"


def kernel_image(builder: str, kernel: str, headers: Sequence[LockedFile]) -> str:
    """The local name of the image in which modules are compiled for a kernel: a builder's (a tag) with its headers."""
    name = re.sub(r"[^a-z0-9]+", "-", kernel.lower())
    return f"nvidia-installer/kernel-{name}:{short(digest_of([builder, hashes(headers)]))}"
