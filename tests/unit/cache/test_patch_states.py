from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.patch_states import PatchState, needless_patches, patch_uses, read_patch_states
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from tests.support.builders.projects import project

ALWAYS = Patch(file="always.patch", module_type=ModuleType.OPEN, reason="it does not compile")
PROBED = Patch(file="probed.patch", probe="probed.c", driver_version="550", reason="it does not compile")
DIGESTS = {"always.patch": "1", "probed.patch": "2", "probed.c": "3"}


def targets() -> Targets:
    return Targets(project(series=PatchSeries(patches=[ALWAYS, PROBED]), patch_digests=DIGESTS))


def both_types(of: Targets) -> Combination:
    """Return a combination with both module types."""
    return next(c for c in of.project.matrix.combinations if len(c.module_types) == 2)


def compiled(cache: Cache, of: Targets, combination: Combination, states: dict[str, str]) -> None:
    """Keep modules of each type whose headers have answered."""
    for module_type in combination.module_types:
        target = of.compiled(combination, module_type)
        about: dict[str, object] = {"modules": {"nvidia.ko": {}}, "patches": states}
        with cache.making(target.kind, target.digest, about) as folder:
            (folder / "nvidia.ko").write_text("x")


def needless(of: Targets, cache: Cache) -> list[str]:
    """Return the sentences about patches that nothing in the matrix needs."""
    uses = [use for c in of.project.matrix.combinations for use in patch_uses(c, of, cache)]
    return needless_patches(of.project.series, uses)


def states(cache: Cache, of: Targets, combination: Combination) -> list[tuple[str, str, str]]:
    return [(use.module_type, use.patch.file, use.state) for use in patch_uses(combination, of, cache)]


def test_the_builders_lines_are_states_of_files(tmp_path: Path) -> None:
    (tmp_path / "patches").write_text("000-pci-resize.patch applied\n001-a not-needed\n".replace(".patch", ""))

    assert read_patch_states(tmp_path / "patches") == {"pci-resize.patch": "applied", "a.patch": "not needed"}


def test_a_word_that_is_no_state_is_a_bug(tmp_path: Path) -> None:
    (tmp_path / "patches").write_text("000-a perhaps\n")

    with pytest.raises(ValueError, match="perhaps"):
        read_patch_states(tmp_path / "patches")


def test_before_the_modules_are_compiled_a_probe_has_not_been_asked(tmp_path: Path) -> None:
    of = targets()

    assert states(Cache(tmp_path), of, both_types(of)) == [
        ("proprietary", "probed.patch", PatchState.NOT_ASKED),
        ("open", "always.patch", PatchState.APPLIED),
        ("open", "probed.patch", PatchState.NOT_ASKED),
    ]


def test_the_answer_is_that_of_the_modules_with_the_same_inputs(tmp_path: Path) -> None:
    of, cache = targets(), Cache(tmp_path)
    compiled(cache, of, both_types(of), {"always.patch": "applied", "probed.patch": "not needed"})
    changed = Targets(project(series=of.project.series, patch_digests={**DIGESTS, "probed.c": "another"}))

    assert [state for _, _, state in states(cache, of, both_types(of))] == ["not needed", "applied", "not needed"]
    assert next(state for _, _, state in states(cache, changed, both_types(changed))) == PatchState.NOT_ASKED


def test_a_patch_that_no_kernel_needs_is_told(tmp_path: Path) -> None:
    of, cache = targets(), Cache(tmp_path)
    before = needless(of, cache)
    for combination in of.project.matrix.combinations:
        answers = {"probed.patch": "not needed", "always.patch": "applied"}
        compiled(cache, of, combination, answers if combination.patches else {})

    assert before == []
    assert needless(of, cache) == ["patches/series.yaml: not needed by the matrix any more: probed.patch"]


def test_a_patch_whose_conditions_no_modules_meet_is_told(tmp_path: Path) -> None:
    series = PatchSeries(patches=[Patch(file="old.patch", driver_version="470", reason="it does not compile")])

    found = needless(Targets(project(series=series, patch_digests={"old.patch": "1"})), Cache(tmp_path))
    assert found == ["patches/series.yaml: not needed by the matrix any more: old.patch"]
