"""How an image is tagged. Pure."""

import re
from collections.abc import Iterable

from lifecycle.model.component import Image
from lifecycle.model.matrix import Combination
from lifecycle.model.versions import version_key

# OCI distribution specification: a tag is [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}; Debian's kernel releases have a `+`.
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.-]")


def tag_for(driver: str, kernel: str, release: str) -> str:
    """The tag `<driver>-<kernel release>-<os release>`; `driver` is a version, or a branch for the moving tag."""
    return _NOT_IN_A_TAG.sub("-", f"{driver}-{kernel}-{release}")


def tag_of(driver: str, combination: Combination) -> str:
    """The tag of a combination; `driver` is a version, or a branch for the moving tag."""
    return tag_for(driver, combination.kernel, combination.release)


def references(image: Image, combination: Combination) -> tuple[str, str]:
    """The image's reference by exact version, and the moving one by driver branch."""
    name = f"{image.registry}/{image.repository}"
    return f"{name}:{tag_of(combination.driver, combination)}", f"{name}:{tag_of(combination.branch, combination)}"


def is_newest_of_branch(combination: Combination, others: Iterable[Combination]) -> bool:
    """Whether the moving tag is this combination's: no other has a newer driver of its branch for its release and kernel."""
    rivals = [
        o
        for o in others
        if (o.release, o.kernel, o.branch) == (combination.release, combination.kernel, combination.branch)
    ]
    return all(version_key(rival.driver) <= version_key(combination.driver) for rival in rivals)
