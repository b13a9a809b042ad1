"""The names and addresses in `sources` of component.yaml, with their forms."""

from typing import Annotated

from lifecycle.config.schema import formed

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


Uri = Annotated[
    str,
    formed(r"(https?|file)://\S+", "the address of an archive: write https://…, http://… or file://…, without spaces"),
]
# Words of sources.list(5): a space or a line break would begin the next one.
Suite = Annotated[str, formed(r"\S+", "a suite: write one word, such as trixie-security")]
AptComponent = Annotated[str, formed(r"\S+", "a component: write one word, such as main")]
