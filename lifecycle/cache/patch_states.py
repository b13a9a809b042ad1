"""The states of patches: the answers of a kernel's headers, which the results of compiling record."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import APPLIED
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets


class PatchState(StrEnum):
    """The state of a patch for modules. The probe of a patch is asked when the modules are compiled."""

    APPLIED = APPLIED
    NOT_NEEDED = "not needed"
    NOT_ASKED = "not asked yet"


@dataclass(frozen=True, kw_only=True)
class PatchUse:
    """A patch for the modules of one type of a combination, and its state."""

    module_type: ModuleType
    patch: Patch
    state: PatchState


def read_patch_states(made: Path) -> dict[str, str]:
    """Return the state of each patch by its file, from the file that compile.sh wrote: lines of `000-<name> applied`."""
    found = {}
    for line in made.read_text(encoding="utf-8").splitlines():
        name, _, state = line.partition(" ")
        found[f"{name.partition('-')[2]}.patch"] = PatchState(state.replace("-", " ")).value
    return found


def patch_uses(combination: Combination, targets: Targets, cache: Cache) -> list[PatchUse]:
    """Return the patches for a combination's modules, in order, with the states that its compiled modules have recorded."""
    return list(_uses(combination, targets, cache))


def _uses(combination: Combination, targets: Targets, cache: Cache) -> Iterator[PatchUse]:
    for module_type in combination.module_types:
        patches = [found.patch for found in combination.patches if found.module_type is module_type]
        if not patches:
            continue
        target = targets.compiled(combination, module_type)
        result = cache.result(target.kind, target.digest)
        known = result.patches if result else {}
        for patch in patches:
            unknown = PatchState.NOT_ASKED if patch.probe else PatchState.APPLIED
            yield PatchUse(module_type=module_type, patch=patch, state=PatchState(known.get(patch.file, unknown)))


def needless_patches(series: PatchSeries, uses: Iterable[PatchUse]) -> list[str]:
    """Return a sentence about the patches of the series that no uses need; none if there is no such patch. Pure."""
    wanted = {use.patch for use in uses if use.state is not PatchState.NOT_NEEDED}
    needless = [patch.file for patch in series.patches if patch not in wanted]
    if not needless:
        return []
    return [f"patches/series.yaml: not needed by the matrix any more: {', '.join(dict.fromkeys(needless))}"]
