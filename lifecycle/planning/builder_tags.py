"""Local tags of the images in which modules are compiled. Each contains the digest of the image's inputs. Pure."""

import re
from collections.abc import Mapping, Sequence

from lifecycle.config.lock import LockedFile
from lifecycle.planning.targets import hashes
from lifecycle.tools.digest import digest_of, short


def builder_tag(base: str, name: str, recipe: Mapping[str, object]) -> str:
    """Return the local tag of a builder image, by the tag of its base and the release's short name.

    `recipe` is that of the modules (`Targets.recipe`), since a new format of the modules needs a new builder.
    """
    return f"nvidia-installer/builder-{name}:{short(digest_of([base, dict(recipe)]))}"


def kernel_tag(builder: str, kernel: str, headers: Sequence[LockedFile]) -> str:
    """Return the local tag of the image that adds a kernel's headers to a builder (a tag). Modules are compiled in it."""
    name = re.sub(r"[^a-z0-9]+", "-", kernel.lower())
    return f"nvidia-installer/kernel-{name}:{short(digest_of([builder, hashes(headers)]))}"
