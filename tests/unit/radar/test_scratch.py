from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.config.lock import Lock
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.planning.locked_project import LockedProject, load_locked_project, replace_lock
from lifecycle.planning.project import COMPONENT, load_project
from lifecycle.planning.targets import Targets
from lifecycle.radar.coming import ComingKernel
from lifecycle.radar.scratch import excluded_for, scratch_project
from lifecycle.sources.driver_versions import DriverVersions
from lifecycle.sources.redistributable import RedistributableResolver
from lifecycle.sources.resolve_lock import LockResolver
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.tools.engine.engine import PulledImage
from tests.support.builders.projects import base, driver, kernel, lock
from tests.support.checkout import copy_parts
from tests.support.radar.coming_kernels import KernelArchive, KernelArchives, ask, next_kernel, radar_project

COMING = "6.12.200+deb13-cloud-amd64"
ARCHIVE = KernelArchive({COMING: "6.12.200-1"})
OPEN, PROPRIETARY = ModuleType.OPEN, ModuleType.PROPRIETARY


def adopt(checkout: Path, archives: KernelArchives) -> LockedProject:
    """Pin the coming kernel in a checkout's component.yaml, and resolve its lock."""
    text, entry = (checkout / COMPONENT).read_text(), "    - {name: debian-13, "
    assert text.count(entry) == 1
    (checkout / COMPONENT).write_text(text.replace(entry, f"{entry}kernel: {COMING}, "))
    reader = DriverVersions(cache=archives.cache, locations=archives.locations, say=lambda _: None)
    resolver = LockResolver(
        indexes=archives,
        runfiles=RunfileResolver(reader=reader),
        redistributables=RedistributableResolver(reader=reader),
        pull=lambda reference, _: PulledImage(digest=reference, id=reference),
        say=lambda _: None,
    )
    project = load_project(checkout)
    return replace_lock(project, resolver.resolve(project, project.lock, locked=False))


def digests(project: LockedProject) -> dict[tuple[str, ModuleType], str]:
    targets = Targets(project)
    return {
        (c.driver, t): targets.compiled(c, t).digest
        for c in project.matrix.combinations
        if c.release == "debian-13"
        for t in c.module_types
    }


@pytest.mark.parametrize("suite", ["trixie-trixie-security", "trixie-proposed-updates"])
def test_modules_have_the_digest_of_an_adopted_kernel(tmp_path: Path, suite: str) -> None:
    copy_parts(tmp_path)
    project = load_locked_project(tmp_path)
    (coming,) = ask(project, tmp_path, {suite: ARCHIVE}).kernels
    judged = digests(scratch_project(project, coming))
    adopted = digests(adopt(tmp_path, KernelArchives(tmp_path, {"trixie-trixie-security": ARCHIVE})))

    assert judged == adopted
    assert len(judged) == 3
    assert set(judged.values()).isdisjoint(digests(project).values())


@pytest.fixture
def excluding(tmp_path: Path) -> tuple[LockedProject, ComingKernel]:
    rules = """\
    - {driverVersion: 535, moduleType: open, reason: there are no open modules of it}
    - {driverVersion: 550.163.01, moduleType: open, kernel: ">=6.12.119", reason: it does not compile there}
    - {driverVersion: 535, kernelRelease: 6.12.117-amd64, reason: it does not compile there}
"""
    project = radar_project(
        ("    - {driverVersion: 535, moduleType: open, reason: there are no open modules of it}\n", rules)
    )
    return project, next_kernel(project, tmp_path)


def test_exclusions_by_kernel_do_not_count_and_others_do(excluding: tuple[LockedProject, ComingKernel]) -> None:
    found = scratch_project(*excluding).matrix.combinations

    assert [(c.release, c.driver, c.module_types) for c in found] == [
        ("new-2", "535.309.01", (PROPRIETARY,)),
        ("new-2", "550.163.01", (PROPRIETARY, OPEN)),
    ]


def test_the_exclusion_that_foresees_a_break_is_found(excluding: tuple[LockedProject, ComingKernel]) -> None:
    project, coming = excluding
    found = scratch_project(project, coming).matrix.combinations

    assert [[excluded_for(project.component, c, t) for t in c.module_types] for c in found] == [
        [""],
        ["", "it does not compile there"],
    ]


def test_module_types_without_sources_are_left_out(tmp_path: Path) -> None:
    rule = "    - {driverVersion: 535, moduleType: open, reason: there are no open modules of it}\n"
    project = radar_project((rule, rule.replace("moduleType: open", 'moduleType: open, kernel: "<9"')))
    found = scratch_project(project, next_kernel(project, tmp_path)).matrix.combinations

    assert [c.module_types for c in found] == [(PROPRIETARY,), (PROPRIETARY, OPEN)]


def test_modules_can_be_left_out_of_the_compile(excluding: tuple[LockedProject, ComingKernel]) -> None:
    found = scratch_project(*excluding, [("550.163.01", PROPRIETARY), ("535.309.01", PROPRIETARY)]).matrix.combinations

    assert [(c.driver, c.module_types) for c in found] == [("550.163.01", (OPEN,))]


def test_a_named_builder_replaces_that_of_the_release(tmp_path: Path) -> None:
    edit = ("suite: new-proposed-updates", "builder: old-1, suite: new-proposed-updates")
    project = radar_project(edit)
    scratch = scratch_project(project, next_kernel(project, tmp_path))
    (combination, *_) = scratch.matrix.combinations

    assert Targets(scratch).builder(combination).digest == Targets(project).base("BUILDER_OLD_1").digest


def test_of_several_architectures_only_the_kernels_is_compiled(tmp_path: Path) -> None:
    known = lock()
    both = Lock(
        kernels={
            **known.kernels,
            "old-1/arm64": kernel("6.1.0-56-arm64", "6.1.192"),
            "new-2/arm64": kernel("6-a", "6.12"),
        },
        drivers={**known.drivers, "535/arm64": driver("535.309.01"), "550.163.01/arm64": driver("550.163.01")},
        bases={**known.bases, "RUNTIME/arm64": base("RUNTIME")},
    )
    project = radar_project(("architecture: [amd64]", "architecture: [amd64, arm64]"), lock=both)
    coming = replace(next_kernel(project, tmp_path), architecture=Architecture.ARM64)
    found = scratch_project(project, coming).matrix.combinations

    assert {(c.release, c.architecture) for c in found} == {("new-2", "arm64")}
