"""The nodes of a cluster, and their images in the matrix, now and after an upgrade of the OS. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from lifecycle.config.schema import Architecture
from lifecycle.config.versions import kernel_name, version_key
from lifecycle.planning.matrix import Combination, Matrix
from lifecycle.planning.tags import tag_for, tag_of
from lifecycle.versions.edits import family_of


@dataclass(frozen=True, kw_only=True)
class ClusterNode:
    """A node: its kernel release, and its architecture and OS release if they are known."""

    name: str
    kernel: str
    architecture: str | None = None
    release: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImageRequirement:
    """The image that a node needs for a driver: its tag, and whether the matrix has it (`covered`)."""

    tag: str
    covered: bool


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The images for a node and a driver: now, and after an upgrade to a newer release of the OS family (`to`).

    `to` and `after` are None if the matrix has no newer release. `architecture` is None if only a kernel release is known that
    does not contain it.
    """

    node: str
    kernel: str
    architecture: str | None
    driver: str
    now: ImageRequirement
    to: str | None
    after: ImageRequirement | None


def find_coverage(nodes: Iterable[ClusterNode], matrix: Matrix) -> list[Coverage]:
    """Return the images for each node and each driver of the matrix. Nodes of a kernel and an OS release are judged once."""
    declared = [*matrix.combinations, *matrix.excluded]
    newer = cache(lambda release: _newer(release, declared))
    found: dict[ClusterNode, list[Coverage]] = {}
    result = []
    for node in nodes:
        kind = replace(node, name="")
        if kind not in found:
            known = replace(kind, architecture=find_architecture(kind, declared))
            found[kind] = [
                _cover(known, driver, matrix, declared, newer(known.release)) for driver in _drivers(known, declared)
            ]
        result += [replace(entry, node=node.name) for entry in found[kind]]
    return result


def find_architecture(node: ClusterNode, declared: Iterable[Combination]) -> str | None:
    """Return a node's architecture: its own, that of its kernel release, or the only one of the matrix; None if none tells."""
    named = [
        str(architecture) for architecture in Architecture if kernel_name(node.kernel, architecture) == node.kernel
    ]
    only = {str(c.architecture) for c in declared}
    return node.architecture or next(iter(named or (only if len(only) == 1 else ())), None)


def _drivers(node: ClusterNode, declared: Sequence[Combination]) -> list[str]:
    """Return the drivers for a node's architecture; those of the others if the matrix has none for it."""
    own = dict.fromkeys(c.driver for c in declared if node.architecture in (None, c.architecture))
    return list(own or dict.fromkeys(c.driver for c in declared))


def _cover(
    node: ClusterNode, driver: str, matrix: Matrix, declared: Sequence[Combination], newer: str | None
) -> Coverage:
    later = next(
        (
            c
            for c in declared
            if (c.release, c.driver) == (newer, driver) and node.architecture in (None, c.architecture)
        ),
        None,
    )
    return Coverage(
        node=node.name,
        kernel=node.kernel,
        architecture=node.architecture,
        driver=driver,
        now=_now(node, driver, matrix),
        to=newer,
        after=ImageRequirement(tag=tag_of(driver, later), covered=later in matrix.combinations) if later else None,
    )


def _now(node: ClusterNode, driver: str, matrix: Matrix) -> ImageRequirement:
    """Return the image for a node now. Any image for its kernel fits; one of its own OS release is preferred.

    A node whose architecture is unknown is covered if every architecture of the matrix has an image for its kernel.
    """
    fitting = [
        c
        for c in matrix.combinations
        if (c.kernel, c.driver) == (node.kernel, driver) and node.architecture in (None, c.architecture)
    ]
    fitting.sort(key=lambda c: c.release != node.release)
    wanted = {node.architecture} if node.architecture else {str(c.architecture) for c in matrix.combinations}
    covered = bool(fitting) and wanted == {str(c.architecture) for c in fitting}
    release = fitting[0].release if fitting else node.release
    return ImageRequirement(tag=required_tag(node, driver, release), covered=covered)


def required_tag(node: ClusterNode, driver: str, release: str | None) -> str:
    """Return the tag of a node's image; unknown parts are in angle brackets, which a tag cannot contain."""
    if node.architecture:
        start = tag_for(driver, kernel_name(node.kernel, node.architecture), "")
    else:
        start = f"{tag_for(driver, node.kernel, '')}<architecture>-"
    return f"{start}{release or '<os release>'}"


def _newer(release: str | None, declared: Sequence[Combination]) -> str | None:
    """Return the newest declared release of a release's family that is newer than itself, or None.

    Of two with one version, such as debian-13 and debian-13-backports, it is the one that is declared first.
    """
    if release is None:
        return None
    family = dict.fromkeys(c.release for c in declared if family_of(c.release) == family_of(release))
    return max((r for r in family if version_key(r) > version_key(release)), key=version_key, default=None)
