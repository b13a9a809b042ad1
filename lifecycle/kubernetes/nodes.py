"""The nodes of a cluster, and their images in the matrix, now and after an upgrade of the OS. Pure.

A node describes itself by Kubernetes' NodeSystemInfo (Kubernetes API reference, core/v1).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.config.versions import version_key
from lifecycle.errors import UsageError
from lifecycle.planning.matrix import Combination, Matrix
from lifecycle.planning.tags import tag_for
from lifecycle.versions.edits import family_of

_KERNEL = re.compile(r"\d+\.\d+[A-Za-z0-9.+~_-]*")
# `osImage` is PRETTY_NAME of /etc/os-release: "Garden Linux 1592.10", "Debian GNU/Linux 12 (bookworm)".
_FAMILIES = {"Garden Linux": "gardenlinux", "Debian GNU/Linux": "debian"}
_OS_IMAGE = re.compile(rf"({'|'.join(_FAMILIES)}) (\d+(?:\.\d+)*)")


class BadNodesError(UsageError):
    """A file without a list of nodes."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(
            f"{file}: {why}: write the output of `kubectl get nodes -o json`, or one kernel release (`uname -r`) per line"
        )


@dataclass(frozen=True, kw_only=True)
class ClusterNode:
    """A node: its kernel release, and its OS release if the name is known."""

    name: str
    kernel: str
    release: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImageRequirement:
    """The image that a node needs for a driver: its tag, and whether the matrix has it (`covered`)."""

    tag: str
    covered: bool


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The images for a node and a driver: now, and after an upgrade to a newer release of the OS family (`to`).

    `to` and `after` are None if the matrix has no newer release.
    """

    node: str
    kernel: str
    driver: str
    now: ImageRequirement
    to: str | None
    after: ImageRequirement | None


def read_nodes(text: str, *, file: str) -> list[ClusterNode]:
    """Parse a file of nodes. Raises BadNodesError."""
    nodes = list(_of_json(text, file) if text.lstrip().startswith("{") else _of_lines(text, file))
    if not nodes:
        raise BadNodesError(file, "no node found")
    return nodes


def _of_lines(text: str, file: str) -> Iterator[ClusterNode]:
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.split("#", 1)[0].strip()
        if word and not _KERNEL.fullmatch(word):
            raise BadNodesError(file, f"line {number}: {word!r} is not a kernel release")
        if word:
            yield ClusterNode(name=f"line {number}", kernel=word)


def _of_json(text: str, file: str) -> Iterator[ClusterNode]:
    try:
        items: Sequence[Mapping[str, Any]] = json.loads(text)["items"]
        for item in items:
            info = item["status"]["nodeInfo"]
            match = _OS_IMAGE.search(str(info.get("osImage", "")))
            release = f"{_FAMILIES[match[1]]}-{match[2]}" if match else None
            yield ClusterNode(name=str(item["metadata"]["name"]), kernel=str(info["kernelVersion"]), release=release)
    except (ValueError, KeyError, TypeError) as error:
        raise BadNodesError(file, f"not a list of nodes ({type(error).__name__}: {error})") from error


def find_coverage(nodes: Iterable[ClusterNode], matrix: Matrix) -> list[Coverage]:
    """Return the images for each node and each driver of the matrix."""
    declared = [*matrix.combinations, *matrix.excluded]
    drivers = list(dict.fromkeys(c.driver for c in declared))
    return [_cover(node, driver, matrix, declared) for node in nodes for driver in drivers]


def _cover(node: ClusterNode, driver: str, matrix: Matrix, declared: Sequence[Combination]) -> Coverage:
    newer = _newer(node, declared)
    later = next((c for c in declared if c.release == newer and c.driver == driver), None)
    return Coverage(
        node=node.name,
        kernel=node.kernel,
        driver=driver,
        now=_now(node, driver, matrix),
        to=newer,
        after=ImageRequirement(tag=tag_for(driver, later.kernel, newer), covered=later in matrix.combinations)
        if later and newer
        else None,
    )


def _now(node: ClusterNode, driver: str, matrix: Matrix) -> ImageRequirement:
    """Return the image for a node now. Any image for its kernel fits; one of its own OS release is preferred."""
    fitting = [c for c in matrix.combinations if (c.kernel, c.driver) == (node.kernel, driver)]
    fitting.sort(key=lambda c: c.release != node.release)
    release = fitting[0].release if fitting else node.release
    # The end of the tag is unknown for a node without a known OS release.
    tag = tag_for(driver, node.kernel, release) if release else f"{tag_for(driver, node.kernel, '')}<os release>"
    return ImageRequirement(tag=tag, covered=bool(fitting))


def _newer(node: ClusterNode, declared: Sequence[Combination]) -> str | None:
    """Return the newest declared release of the node's family that is newer than its own, or None."""
    if node.release is None:
        return None
    family = {c.release for c in declared if family_of(c.release) == family_of(node.release)}
    newer = [release for release in family if version_key(release) > version_key(str(node.release))]
    return max(newer, key=version_key, default=None)
