"""Patches that would help modules that do not compile: those of the series about the same identifier, but for other modules."""

import re
from collections.abc import Iterator

from lifecycle.config.patches import Patch
from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import Combination
from lifecycle.planning.project import PATCHES, Project
from lifecycle.radar.model import Cause


def patches_about(
    project: Project, combination: Combination, module_type: ModuleType, cause: Cause | None
) -> Iterator[str]:
    """Yield the files of patches that name what an error is about, and whose conditions leave these modules out.

    A patch may need changes for another driver. Its reason tells what it is for.
    """
    if cause is None or len(cause.name) < 3:
        return
    own = {found.patch for found in combination.patches if found.module_type is module_type}
    word = re.compile(rf"(?<!\w){re.escape(cause.name)}(?!\w)")
    for patch in project.series.patches:
        if patch not in own and word.search(_text(project, patch)):
            yield patch.file


def _text(project: Project, patch: Patch) -> str:
    """Return the text of a patch, its probe and its reason."""
    files = [(project.root / PATCHES / name).read_text(encoding="utf-8", errors="replace") for name in patch.files]
    return "\n".join([patch.reason, *files])
