from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.config.component import Component
from lifecycle.planning.locked_project import LockedProject
from lifecycle.radar.coming import ComingSource, KernelScout
from lifecycle.radar.next_releases import find_next_releases, next_sources
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


def test_a_kernel_of_a_next_release_counts_even_if_it_is_todays(tmp_path: Path, source: ComingSource) -> None:
    archives = KernelArchives(tmp_path, {"2.5": KernelArchive({"6.12.118-cloud-amd64": "6.12.118"})})
    scout = KernelScout(project=gl_project(), indexes=archives, glob="", say=lambda _: None)

    assert len(scout.ask([source]).kernels) == 1


def test_without_a_family_nothing_is_asked(tmp_path: Path) -> None:
    here = FakeSession(current(project()), tmp_path / "cache", FakeEngine())

    assert find_next_releases(here, ["old-1", "new-2"]) == ([], [])


@pytest.mark.parametrize(("page", "sources", "lines"), [("2.4 2.5\n", 1, 0), (None, 0, 1)])
def test_the_page_of_a_family_lists_its_releases(tmp_path: Path, page: str | None, sources: int, lines: int) -> None:
    if page:
        (tmp_path / "versions").write_text(page)
    given = gl_project()
    family = given.component.sources.releases["gl-*"].model_copy(update={"versions": str(tmp_path / "versions")})
    releases = {**given.component.sources.releases, "gl-*": family}
    listed = given.component.sources.model_copy(update={"releases": releases})
    changed = replace(given, component=given.component.model_copy(update={"sources": listed}))
    here = FakeSession(changed, tmp_path / "cache", FakeEngine())
    found, unread = find_next_releases(here, ["gl-2.4"])

    assert (len(found), len(unread)) == (sources, lines)
