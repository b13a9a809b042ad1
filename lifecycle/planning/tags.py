"""Tags of images. Pure.

In the engine an image has two tags (`references`). In the registry it has one immutable tag, and moving tags for people and for
NVIDIA's GPU Operator. The immutable tag contains the digest of the image's inputs, for two reasons:

- GitOps refers to digests, and a registry's retention deletes manifests without a tag. So each digest in use needs its own tag.
- An image with corrected scripts needs a tag of its own, to ship for the same driver, kernel and OS release.
"""

import re
from collections.abc import Iterable

from lifecycle.config.component import Image
from lifecycle.config.versions import version_key
from lifecycle.errors import UsageError
from lifecycle.planning.matrix import Combination

# A character that neither a tag nor the value of a label can have, such as the `+` of Debian's kernel releases. Sources: OCI
# distribution specification, "Pull"; Kubernetes, "Labels and Selectors", "Syntax and character set".
_INVALID = re.compile(r"[^A-Za-z0-9_.-]")
_RELEASE = re.compile(r"([a-z]+)-([0-9.]+)")
_LONGEST = 128
_UNTESTED = "-untested"
_DIGITS = 12


class TagTooLongError(UsageError):
    """A combination whose tag is too long for a registry."""

    def __init__(self, combination: str, tag: str) -> None:
        super().__init__(
            f"{combination}: its tag {tag} has {len(tag)} characters, but registries allow {_LONGEST}: "
            "give the release a shorter name in component.yaml"
        )


def tag_for(driver: str, kernel: str, release: str) -> str:
    """Return the tag `<driver>-<kernel>-<os release>`; `driver` is a version, or a branch for a moving tag.

    `kernel` is a name as of `Combination.kernel_name`, which contains the architecture.
    """
    return _INVALID.sub("-", f"{driver}-{kernel}-{release}")


def tag_of(driver: str, combination: Combination) -> str:
    """Return the tag of a combination; `driver` is a version, or a branch for a moving tag."""
    return tag_for(driver, combination.kernel_name, combination.release)


def references(image: Image, combination: Combination) -> tuple[str, str]:
    """Return the image's references in the engine: by exact version, and by driver branch."""
    name = f"{image.registry}/{image.repository}"
    return f"{name}:{tag_of(combination.driver, combination)}", f"{name}:{tag_of(combination.branch, combination)}"


def immutable_tag(combination: Combination, digest: str) -> str:
    """Return the immutable tag: `<driver>-<kernel>-<os release>-<12 digits of the inputs' digest>`.

    `digest` is that of the image's target, as hex. Raises TagTooLongError if this tag or `untested_tag` is too long.
    """
    tag = f"{tag_of(combination.driver, combination)}-{digest[:_DIGITS]}"
    longest = f"{tag}{_UNTESTED}"
    if len(longest) > _LONGEST:
        raise TagTooLongError(combination.id, longest)
    return tag


def untested_tag(combination: Combination, digest: str) -> str:
    """Return the tag of an image that was pushed before its tests passed. GitOps never refers to it."""
    return f"{immutable_tag(combination, digest)}{_UNTESTED}"


def operator_tag(driver: str, combination: Combination) -> str:
    """Return the tag of a precompiled driver for NVIDIA's GPU Operator: `<driver>-<kernel release>-<os id><os version>`.

    `driver` is the Operator's `driver.version`, a branch or a version (docs.nvidia.com/datacenter/cloud-native/gpu-operator,
    "Precompiled Driver Containers"). The Operator takes kernel and OS from the labels of Node Feature Discovery as they are
    (NVIDIA/gpu-operator, controllers/object_controls.go and internal/state/nodepool.go), and the label of the kernel has `_` for
    each character that a label cannot have (node-feature-discovery, source/kernel/version.go): `6.12.118_deb13-cloud-amd64`. The
    OS is ID and VERSION_ID of the node's /etc/os-release, and 0 for Garden Linux, as in the tags of
    gardenlinux/gardenlinux-nvidia-installer.
    """
    match = _RELEASE.match(combination.release)
    family, version = (match[1], match[2]) if match else (combination.release, "")
    kernel = _INVALID.sub("_", combination.kernel).strip("-_.")
    return tag_for(driver, kernel, f"{family}{'0' if family == 'gardenlinux' else version}")


def moving_tags(combination: Combination, others: Iterable[Combination]) -> tuple[str, ...]:
    """Return the moving tags of a combination's newest image, for people and for NVIDIA's GPU Operator.

    The tags of the driver branch are included for the newest driver of the branch only. An Operator's tag is left out if it would
    also mean the image of another architecture, or of a release of the same OS that comes earlier in `others`.
    """
    combinations = tuple(others)
    names = (
        (combination.driver, combination.branch)
        if is_newest_of_branch(combination, combinations)
        else (combination.driver,)
    )
    return tuple(
        tag
        for name in names
        for tag in (
            tag_of(name, combination),
            *((operator_tag(name, combination),) if _has_operator_tag(name, combination, combinations) else ()),
        )
    )


def _has_operator_tag(name: str, combination: Combination, others: tuple[Combination, ...]) -> bool:
    """Return whether the Operator's tag for the driver or branch `name` means this combination only.

    The tag tells neither the architecture nor the release's channel. Images for two architectures cannot replace each other, so
    neither has the tag. Two channels of one OS may have the same kernel, for example after a promotion: the first one has it.
    """
    same = [
        other for other in others if operator_tag(other.branch, other) == operator_tag(combination.branch, combination)
    ]
    if any(other.architecture != combination.architecture for other in same):
        return False
    first = next((other for other in same if name in (other.driver, other.branch)), combination)
    return first.release == combination.release


def is_newest_of_branch(combination: Combination, others: Iterable[Combination]) -> bool:
    """Return whether no other combination has a newer driver of the same branch, for the same release and kernel."""
    branch = (combination.release, combination.kernel_name, combination.branch)
    rivals = [o for o in others if (o.release, o.kernel_name, o.branch) == branch]
    return all(version_key(rival.driver) <= version_key(combination.driver) for rival in rivals)
