from pathlib import Path

import pytest

from lifecycle.config.component import NEWEST, Release
from lifecycle.config.lock import LockedBase
from lifecycle.config.schema import ModuleType
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.planning.declarations import Declaration
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.project import Project
from lifecycle.planning.targets import Targets
from lifecycle.radar.builders import with_builder, with_builders
from lifecycle.radar.coming import ComingKernel, ComingSource, KernelScout
from lifecycle.radar.scratch import scratch_project
from lifecycle.tools.engine.errors import EngineUnreachableError
from tests.support.builders.projects import locked_file
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession
from tests.support.radar.coming_kernels import NEXT, KernelArchive, KernelArchives, ask, radar_project

PULLED, BOOTSTRAPPED = "registry.example/kmodbuild:1", "bootstrap:sid"


def sid_project(builder: str) -> LockedProject:
    """Return a project whose kernels to come are compiled in the builder of a release that is not declared."""
    source = f"    sid:\n      kind: apt\n      builder: {builder}\n"
    suites = "      repositories: [{archive: Debian, suite: sid, components: [main]}]\n"
    return radar_project(
        ("suite: new-proposed-updates", "builder: sid, suite: new-proposed-updates"),
        ("    new-2:\n", f"{source}{suites}    new-2:\n"),
    )


def coming_of(given: LockedProject, folder: Path) -> ComingKernel:
    (coming,) = ask(given, folder, {"new-proposed-updates": KernelArchive({NEXT: "6.12.119-1"})}).kernels
    return coming


def resolve(_: Project, declaration: Declaration[AptSource | None]) -> LockedBase:
    return LockedBase(declaration=declaration.digest, packages=[locked_file("gcc-16")])


class Resolver:
    """A resolver that records the bases which it is asked for; with `error` it cannot resolve any."""

    def __init__(self, error: EngineUnreachableError | None = None) -> None:
        self.error, self.asked = error, list[str]()

    @property
    def resolver(self) -> "Resolver":
        return self

    def base(self, project: Project, declaration: Declaration[AptSource | None]) -> LockedBase:
        self.asked.append(declaration.name)
        if self.error:
            raise self.error
        return resolve(project, declaration)


class BuilderSession(FakeSession):
    """A session whose bases are resolved in memory."""

    def __init__(self, given: LockedProject, folder: Path, resolver: Resolver) -> None:
        super().__init__(given, folder / "cache", FakeEngine())
        self.bases = resolver

    @property
    def sources(self) -> Resolver:  # type: ignore[override]
        return self.bases


@pytest.mark.parametrize("reference", [PULLED, BOOTSTRAPPED])
def test_a_kernel_is_compiled_in_the_builder_that_its_suite_names(tmp_path: Path, reference: str) -> None:
    coming = coming_of(sid_project(reference), tmp_path)
    given = with_builder(sid_project(reference), coming, resolve)
    scratch = scratch_project(given, coming)
    (first, *_) = scratch.matrix.combinations

    assert (first.release, first.kernel) == ("new-2", NEXT)
    assert Targets(scratch).compiled(first, ModuleType.PROPRIETARY).inputs["builder"] == (
        Targets(given).base("BUILDER_SID").digest
    )
    assert given.images.bases["BUILDER_SID"].reference == reference


def test_a_next_release_is_compiled_in_its_own_builder(tmp_path: Path) -> None:
    given = sid_project(BOOTSTRAPPED)
    release = Release(name="sid", kernel_flavour="cloud", channel=given.component.context.releases[-1].channel)
    source = ComingSource(
        release=release.model_copy(update={"kernel": NEWEST}),
        source=given.component.source_of("sid"),
        builder="sid",
        own=True,
        replaces="new-2",
    )
    archives = KernelArchives(tmp_path, {"sid": KernelArchive({NEXT: "6.12.119-1"})})
    (coming,) = KernelScout(project=given, indexes=archives, glob="", say=lambda _: None).ask([source]).kernels
    scratch = scratch_project(with_builder(given, coming, resolve), coming)

    assert {c.release for c in scratch.matrix.combinations} == {"sid"}
    assert coming.arrival.words == "when it replaces new-2"


def test_a_builder_is_resolved_once(tmp_path: Path) -> None:
    given, resolver = sid_project(PULLED), Resolver()
    coming = coming_of(given, tmp_path)
    project, kernels, missing = with_builders(
        BuilderSession(given, tmp_path, resolver), [coming, coming], dry_run=False
    )

    assert resolver.asked == ["BUILDER_SID"]
    assert "BUILDER_SID" in project.lock.bases
    assert (kernels, missing) == ([coming, coming], [])


def test_the_builder_of_a_declared_release_is_locked(tmp_path: Path) -> None:
    given, resolver = radar_project(), Resolver()
    coming = coming_of(given, tmp_path)
    found = with_builders(BuilderSession(given, tmp_path, resolver), [coming], dry_run=False)

    assert found == (given, [coming], [])
    assert resolver.asked == []


def test_a_kernel_whose_builder_cannot_be_had_is_left_out_with_a_reason(tmp_path: Path) -> None:
    given = sid_project(PULLED)
    session = BuilderSession(given, tmp_path, Resolver(EngineUnreachableError("unix:///none", "no such file")))
    coming = coming_of(given, tmp_path)
    project, kernels, missing = with_builders(session, [coming, coming], dry_run=False)

    assert (project, kernels) == (given, [])
    (sentence,) = missing
    assert sentence.startswith("new-2: new-proposed-updates: ")


@pytest.mark.parametrize(("reference", "asked"), [(PULLED, []), (BOOTSTRAPPED, ["BUILDER_SID"])])
def test_a_dry_run_pulls_no_builder(tmp_path: Path, reference: str, asked: list[str]) -> None:
    given, resolver = sid_project(reference), Resolver()
    _, kernels, missing = with_builders(
        BuilderSession(given, tmp_path, resolver), [coming_of(given, tmp_path)], dry_run=True
    )

    assert resolver.asked == asked
    assert len(kernels) == len(asked)
    assert missing == (
        [] if asked else ["new-2: new-proposed-updates: the builder BUILDER_SID is pulled by a real run only"]
    )
