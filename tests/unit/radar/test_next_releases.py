from pathlib import Path

import pytest

from lifecycle.config.component import Component
from lifecycle.config.lock import LockedBase
from lifecycle.config.schema import ModuleType
from lifecycle.planning.declarations import Declaration
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.project import Project
from lifecycle.planning.targets import Targets
from lifecycle.radar.coming import ComingSource, KernelScout
from lifecycle.radar.next_releases import find_next_releases, next_sources, with_builder
from lifecycle.radar.scratch import scratch_project
from tests.support.builders.projects import base, component, images, kernel, lock, project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession
from tests.support.radar.coming_kernels import KernelArchive, KernelArchives, current

FAMILY = """\
    gl-*:
      kind: apt
      builder: registry.example/kmodbuild:{version}
      repositories: [{archive: Garden, suite: "{version}", components: [main]}]
    new-2:
"""
OFFERED = {"gl-*": ("gl-3.1", "gl-2.5", "gl-2.4", "gl-1.9")}
KERNEL = "6.12.130-cloud-amd64"
DIGEST = "sha256:" + "a" * 64


def declared(*edits: tuple[str, str]) -> Component:
    return component(("    new-2:\n", FAMILY), ("old-1, channel", "gl-2.4, channel"), *edits)


def gl_project() -> LockedProject:
    known, pulled = lock(), images()
    kernels = {"gl-2.4/amd64": kernel("6.12.118-cloud-amd64", "6.12.118"), "new-2/amd64": known.kernels["new-2/amd64"]}
    changed = known.model_copy(
        update={"kernels": kernels, "bases": {**known.bases, "BUILDER_GL_2_4": base("BUILDER_GL_2_4")}}
    )
    pulled = type(pulled)(pulled.file, {**pulled.bases, "BUILDER_GL_2_4": pulled.bases["BUILDER_OLD_1"]})
    return current(project(component=declared(), lock=changed, images=pulled))


def resolve(_: Project, declaration: "Declaration[object]") -> LockedBase:  # type: ignore[type-var]
    return LockedBase(declaration=declaration.digest, digest=DIGEST, id=DIGEST)


@pytest.fixture
def source() -> ComingSource:
    (found,) = next_sources(declared(), OFFERED, ["gl-2.4", "new-2"])
    return found


def test_the_next_release_of_the_same_major_version_is_a_source(source: ComingSource) -> None:
    assert (source.release.name, source.replaces, source.name, source.builder) == ("gl-2.5", "gl-2.4", "2.5", "gl-2.5")


def test_the_newest_release_has_no_next_one() -> None:
    assert next_sources(declared(), {"gl-*": ("gl-2.4", "gl-2.3")}, ["gl-2.4"]) == []


def test_a_family_without_a_builder_is_left_out() -> None:
    edit = ("      builder: registry.example/kmodbuild:{version}\n", "")

    assert next_sources(declared(edit), OFFERED, ["gl-2.4"]) == []


def test_releases_that_are_not_selected_have_no_next_one() -> None:
    assert next_sources(declared(), OFFERED, ["new-2"]) == []


def test_its_modules_are_compiled_in_its_own_builder(tmp_path: Path, source: ComingSource) -> None:
    given = with_builder(gl_project(), source, resolve)
    archives = KernelArchives(tmp_path, {"2.5": KernelArchive({KERNEL: "6.12.130-1"})})
    scout = KernelScout(project=given, indexes=archives, glob="", say=lambda _: None)
    (coming,) = scout.ask([source]).kernels
    scratch = scratch_project(given, coming)
    (first, *_) = scratch.matrix.combinations

    assert (first.release, first.kernel) == ("gl-2.5", KERNEL)
    assert Targets(scratch).compiled(first, ModuleType.PROPRIETARY).inputs["builder"] == (
        Targets(given).base("BUILDER_GL_2_5").digest
    )
    assert coming.arrival.words == "when it replaces gl-2.4"


def test_a_kernel_of_a_next_release_counts_even_if_it_is_todays(tmp_path: Path, source: ComingSource) -> None:
    archives = KernelArchives(tmp_path, {"2.5": KernelArchive({"6.12.118-cloud-amd64": "6.12.118"})})
    scout = KernelScout(project=gl_project(), indexes=archives, glob="", say=lambda _: None)

    assert len(scout.ask([source]).kernels) == 1


def test_without_a_family_nothing_is_asked(tmp_path: Path) -> None:
    here = FakeSession(current(project()), tmp_path / "cache", FakeEngine())

    assert find_next_releases(here, ["old-1", "new-2"], dry_run=False)[1:] == ([], [])


@pytest.mark.parametrize(("dry_run", "sources", "lines"), [(True, 0, 1), (False, 1, 0)])
def test_a_dry_run_pulls_no_builder(tmp_path: Path, dry_run: bool, sources: int, lines: int) -> None:
    page = tmp_path / "versions"
    page.write_text("2.4 2.5\n")
    given = gl_project()
    text = given.component.sources.releases["gl-*"].model_copy(update={"versions": str(page)})
    listed = given.component.sources.model_copy(update={"releases": {**given.component.sources.releases, "gl-*": text}})
    engine = FakeEngine()
    engine.any_image = True
    here = FakeSession(given, tmp_path / "cache", engine)
    here.given = type(given)(**{**vars(given), "component": given.component.model_copy(update={"sources": listed})})
    _, found, missing = find_next_releases(here, ["gl-2.4"], dry_run=dry_run)

    assert (len(found), len(missing)) == (sources, lines)
