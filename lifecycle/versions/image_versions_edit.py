"""Edits of image_versions that add a release's builder or comment it out. They are pure: text in, text out."""

import re
from collections.abc import Callable, Iterable

from lifecycle.config.image_versions import builder_name, parse_image_versions
from lifecycle.config.versions import version_key
from lifecycle.errors import UsageError


class NoBuilderError(UsageError):
    """A release without a builder of its own or of a sibling to copy."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"image_versions has neither {builder_name(name)} nor the builder of another release of its family: "
            "name the image that its modules are compiled in with --builder, or as `builder` of its source in component.yaml"
        )


def infer_builder(images: str, name: str, siblings: Iterable[str], declared: str | None) -> str:
    """Return the builder of a release: that of its line in image_versions, or else the one that its source declares.

    Without any, return that of its commented line, or one like the builder of the newest sibling. Raises NoBuilderError.
    """
    bases = parse_image_versions(images, file="image_versions").bases
    own = bases.get(builder_name(name))
    if own:
        return own.reference
    commented = re.search(rf"^#\s*{builder_name(name)}=(\S+)", images, re.MULTILINE)
    if declared:
        return declared
    if commented:
        return commented[1]
    for sibling in sorted(siblings, key=version_key, reverse=True):
        base = bases.get(builder_name(sibling))
        if base is not None:
            return _renamed(base.reference, sibling, name)
    raise NoBuilderError(name)


def with_builder(images: str, release: str, reference: str) -> str:
    """Return the file with a release's builder: in place of its comment, or after the last builder."""
    name = builder_name(release)
    line = f"{name}={reference}"
    lines = images.splitlines()
    if line in lines:
        return images

    def last_line(matches: Callable[[str], bool]) -> int | None:
        return max((number for number, text in enumerate(lines) if matches(text)), default=None)

    commented = last_line(lambda text: re.match(rf"#\s*{name}=", text) is not None)
    if commented is not None:
        lines[commented] = line
    else:
        after = last_line(lambda text: text.startswith("BUILDER_"))
        lines.insert(len(lines) if after is None else after + 1, line)
    return "\n".join(lines) + "\n"


def without_builder(images: str, release: str) -> str:
    """Return the file with a release's builder commented out."""
    return re.sub(rf"^{builder_name(release)}=.*$", lambda match: f"# {match[0]}", images, flags=re.MULTILINE)


def _renamed(reference: str, old: str, new: str) -> str:
    """Return an image reference with the name of a release, or its version, replaced by another's."""
    if old in reference:
        return reference.replace(old, new)
    return reference.replace(old.rpartition("-")[2], new.rpartition("-")[2])
