"""How an image is tagged. Pure.

In the engine an image has two names (`references`). In the registry it has an immutable tag of its own, which never moves,
and moving tags for people and for NVIDIA's GPU Operator. The immutable one holds the digest of the image's inputs:

- GitOps refers to digests, and a registry's retention deletes manifests that have no tag: each digest in use keeps its own;
- an image whose scripts were mended has another one, so that it can ship for the same driver, kernel and OS release.
"""

import re
from collections.abc import Iterable

from lifecycle.config.component import Image
from lifecycle.config.versions import version_key
from lifecycle.errors import UsageError
from lifecycle.planning.matrix import Combination

# OCI distribution specification: a tag is [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}; Debian's kernel releases have a `+`.
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.-]")
_RELEASE = re.compile(r"([a-z]+)-([0-9.]+)")
_LONGEST = 128
_UNTESTED = "-untested"
_DIGITS = 12


class TagTooLongError(UsageError):
    """A combination whose tag no registry takes."""

    def __init__(self, combination: str, tag: str) -> None:
        super().__init__(
            f"{combination}: its tag {tag} has {len(tag)} characters, and registries take {_LONGEST}: "
            "give the release a shorter name in component.yaml"
        )


def tag_for(driver: str, kernel: str, release: str) -> str:
    """The tag `<driver>-<kernel release>-<os release>`; `driver` is a version, or a branch for the moving tag."""
    return _NOT_IN_A_TAG.sub("-", f"{driver}-{kernel}-{release}")


def tag_of(driver: str, combination: Combination) -> str:
    """The tag of a combination; `driver` is a version, or a branch for the moving tag."""
    return tag_for(driver, combination.kernel, combination.release)


def references(image: Image, combination: Combination) -> tuple[str, str]:
    """The image's names in the engine: by exact version, and by driver branch."""
    name = f"{image.registry}/{image.repository}"
    return f"{name}:{tag_of(combination.driver, combination)}", f"{name}:{tag_of(combination.branch, combination)}"


def immutable_tag(combination: Combination, digest: str) -> str:
    """The tag in the registry that never moves: `<driver>-<kernel release>-<os release>-<12 digits of the inputs' digest>`.

    `digest` is that of the image's target, as hex. Raises TagTooLongError where this, or `untested_tag`, would be too long.
    """
    tag = f"{tag_of(combination.driver, combination)}-{digest[:_DIGITS]}"
    longest = f"{tag}{_UNTESTED}"
    if len(longest) > _LONGEST:
        raise TagTooLongError(combination.id, longest)
    return tag


def untested_tag(combination: Combination, digest: str) -> str:
    """The tag of an image that was pushed before its tests passed; nothing that clusters are told of is looked up by it."""
    return f"{immutable_tag(combination, digest)}{_UNTESTED}"


def operator_tag(driver: str, combination: Combination) -> str:
    """The tag by which NVIDIA's GPU Operator looks for a precompiled driver: `<driver>-<kernel release>-<os id><os version>`.

    `driver` is its `driver.version`, a branch or a version (docs.nvidia.com/datacenter/cloud-native/gpu-operator, "Precompiled
    Driver Containers"). The OS is ID and VERSION_ID of the node's /etc/os-release; Garden Linux has no VERSION_ID, for which
    Node Feature Discovery says 0, as the tags of gardenlinux/gardenlinux-nvidia-installer do.
    """
    match = _RELEASE.match(combination.release)
    family, version = (match[1], match[2]) if match else (combination.release, "")
    return tag_for(driver, combination.kernel, f"{family}{'0' if family == 'gardenlinux' else version}")


def moving_tags(combination: Combination, others: Iterable[Combination]) -> tuple[str, ...]:
    """The tags in the registry that follow the combination's newest image, for people and for NVIDIA's GPU Operator.

    Those of the branch are only its newest driver's.
    """
    exact = (tag_of(combination.driver, combination), operator_tag(combination.driver, combination))
    branch = (tag_of(combination.branch, combination), operator_tag(combination.branch, combination))
    return (*exact, *branch) if is_newest_of_branch(combination, others) else exact


def is_newest_of_branch(combination: Combination, others: Iterable[Combination]) -> bool:
    """Whether the branch's tag is this combination's: no other has a newer driver of its branch for its release and kernel."""
    rivals = [
        o
        for o in others
        if (o.release, o.kernel, o.branch) == (combination.release, combination.kernel, combination.branch)
    ]
    return all(version_key(rival.driver) <= version_key(combination.driver) for rival in rivals)
