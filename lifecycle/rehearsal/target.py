"""The driver and the combination that a kind of node gets from the matrix, and the way from its driver now. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lifecycle.config.versions import driver_branch, version_key
from lifecycle.kubernetes.nodes import find_architecture, required_tag
from lifecycle.planning.matrix import Combination, Matrix
from lifecycle.planning.tags import tag_of
from lifecycle.rehearsal.node_groups import NodeKind


class UpgradePath(StrEnum):
    """The way from the driver now to the target."""

    SAME = "same"
    NEWER_VERSION = "newer version"
    NEWER_BRANCH = "newer branch"
    DOWNGRADE = "downgrade"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Target:
    """The target of a kind of node.

    `driver` is a version of the matrix, or what was asked for if the matrix does not have it (`declared` is false). `tag` is that
    of the image that the node needs. `combination` is None without an image for its kernel; `excluded` are the reasons for that.
    """

    driver: str
    declared: bool
    tag: str
    path: UpgradePath
    combination: Combination | None = None
    excluded: tuple[str, ...] = ()


class TargetFinder:
    """The finder of targets in a matrix. `driver` is a version or branch for all nodes; "" follows the nodes."""

    def __init__(self, matrix: Matrix, driver: str = "") -> None:
        self._driver = driver
        self._declared = [*matrix.combinations, *matrix.excluded]
        self._built, self._excluded = _by_kernel(matrix.combinations), _by_kernel(matrix.excluded)

    def find(self, kind: NodeKind) -> Target:
        """Return the target of a kind of node.

        The driver is the one for all nodes, or that of the node's label, or the declared one of the branch that the node has, or
        the newest that the matrix has for its kernel.
        """
        node = replace(kind.node, architecture=find_architecture(kind.node, self._declared))
        built = _of(self._built[node.kernel], node.architecture)
        own = _of(self._declared, node.architecture) or self._declared
        asked = self._driver or kind.wanted
        driver = _newest(own, asked) if asked else _newest(own, driver_branch(kind.driver)) if kind.driver else ""
        if asked and not driver:
            tag = required_tag(node, asked, node.release)
            return Target(driver=asked, declared=False, tag=tag, path=UpgradePath.NONE)
        driver = driver or _newest(built or own)
        path = path_between(kind.driver, driver)
        fitting = sorted((c for c in built if c.driver == driver), key=lambda c: c.release != node.release)
        if fitting:
            return Target(
                driver=driver, declared=True, tag=tag_of(driver, fitting[0]), path=path, combination=fitting[0]
            )
        out = [c for c in _of(self._excluded[node.kernel], node.architecture) if c.driver == driver]
        reasons = tuple(dict.fromkeys(entry.reason for c in out for entry in c.excluded))
        tag = required_tag(node, driver, node.release)
        return Target(driver=driver, declared=True, tag=tag, path=path, excluded=reasons)


def path_between(now: str, driver: str) -> UpgradePath:
    """Return the way from one driver version to another; "" is an unknown driver."""
    if not now:
        return UpgradePath.UNKNOWN
    if now == driver:
        return UpgradePath.SAME
    if version_key(now) > version_key(driver):
        return UpgradePath.DOWNGRADE
    return UpgradePath.NEWER_VERSION if driver_branch(now) == driver_branch(driver) else UpgradePath.NEWER_BRANCH


def _by_kernel(combinations: Iterable[Combination]) -> dict[str, list[Combination]]:
    found: dict[str, list[Combination]] = defaultdict(list)
    for combination in combinations:
        found[combination.kernel].append(combination)
    return found


def _of(combinations: Iterable[Combination], architecture: str | None) -> list[Combination]:
    return [c for c in combinations if architecture in (None, c.architecture)]


def _newest(combinations: Sequence[Combination], asked: str = "") -> str:
    """Return the newest driver of combinations, of those with a version or branch if one is asked for; "" if there is none."""
    drivers = {c.driver for c in combinations if asked in ("", c.driver, c.branch)}
    return max(drivers, key=version_key, default="")
