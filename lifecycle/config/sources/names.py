"""The names and addresses in `sources` of component.yaml, with their forms."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from lifecycle.config.placeholders import PLACEHOLDER
from lifecycle.config.references import is_base
from lifecycle.config.schema import formed, shown

# The entry of one release, or of a family (`gardenlinux-*`), in which `{version}` is replaced by what `*` matches.
SourceName = Annotated[
    str,
    formed(
        r"[a-z0-9]+([.-][a-z0-9]+)*(-\*)?",
        "the name of a release or of a family: write a name such as debian-13, or gardenlinux-* for a family",
    ),
]
# The entry of one branch, or `*` for all branches without an entry.
DriverBranch = Annotated[
    str, formed(r"[0-9]{3}|\*", "a driver branch: write three digits such as 535, or * for all others")
]
# A container's name has no slash and no query (OpenStack Object Storage API v1, "Containers").
ContainerName = Annotated[
    str, formed(r"[^/?#\s]{1,256}", "the name of a container: write 1 to 256 characters without space, /, ? or #")
]

# The methods of apt (sources.list(5), apt-transport-mirror(1)).
Uri = Annotated[
    str,
    formed(
        r"(mirror|(mirror\+)?(https?|file|copy)):/\S+",
        "the address of an archive: write https://…, http://…, file:/… or mirror+file:/…, without spaces",
    ),
]
# Words of sources.list(5): a space or a line break would begin the next one.
Suite = Annotated[str, formed(r"\S+", "a suite: write one word, such as trixie-security")]
AptComponent = Annotated[str, formed(r"\S+", "a component: write one word, such as main")]


def _location(value: str) -> str:
    scheme, colon, _ = value.partition("://")
    if colon and scheme not in ("https", "http", "file"):
        msg = f"{shown(value)}: {scheme}:// is not supported: write https://…, swift:container/object, or a path"
        raise ValueError(msg)
    if not colon and value.startswith("swift:") and not re.fullmatch(r"swift:[^/]+/.+", value):
        msg = f"{shown(value)} names no object: write swift:container/object"
        raise ValueError(msg)
    return value


# The location of a file: a URL, `swift:container/object`, or a path. A relative path is below the checkout.
Location = Annotated[str, Field(min_length=1), AfterValidator(_location)]


def _builder(value: str) -> str:
    if not is_base(PLACEHOLDER.sub("1", value)):
        msg = f"{shown(value)} is not an image: write registry/name:tag (with {{version}} for a family), or bootstrap:RELEASE"
        raise ValueError(msg)
    return value


# The builder of a release: a base image of image_versions, with placeholders.
Builder = Annotated[str, AfterValidator(_builder)]
