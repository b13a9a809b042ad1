"""Archives with kernels to come, in memory, and a project whose lock is current."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.component import Component
from lifecycle.config.lock import Lock, LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptSource, PackageSource
from lifecycle.errors import InstallerError
from lifecycle.planning.declarations import base_declarations, driver_declarations, kernel_declarations
from lifecycle.planning.locked_project import LockedProject, require_locked
from lifecycle.radar.coming import Answers, ComingKernel, KernelScout, sources_to_ask
from lifecycle.sources.apt.machine import MachineArchives
from lifecycle.sources.locations import InputLocations
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.sources.swift import SwiftSession
from tests.support.builders.projects import component, locked_file, project

RADAR = "radar: {new-2: [{archive: Debian, suite: new-proposed-updates, components: [main]}]}\nsources:\n"
NEXT = "6.12.119-cloud-amd64"


@dataclass(frozen=True)
class KernelArchive:
    """An archive with the headers of kernels, by their release with the version of the package; the last one is the newest.

    The headers of the kernel `without` depend on a package that the archive lacks.
    """

    kernels: Mapping[str, str]
    name: str = "memory"
    without: str = ""

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self._packages() if name.startswith(prefix))

    def versions(self, package: str) -> list[str]:
        return [self._packages()[package]] if package in self._packages() else []

    def depends(self, package: str, version: str) -> list[str]:
        if package == "linux-headers-cloud-amd64":
            return [f"linux-headers-{list(self.kernels)[-1]}"]
        lacking = ["linux-kbuild-none"] if package == f"linux-headers-{self.without}" else []
        return ["linux-compiler-gcc-14-x86", *lacking]

    def locate(self, packages: Iterable[tuple[str, str]]) -> list[LockedFile]:
        pairs = list(packages)
        for package, version in pairs:
            if version not in self.versions(package):
                raise PackageNotFoundError(package, version, self.name, [])
        return [locked_file(package, version) for package, version in pairs]

    def _packages(self) -> dict[str, str]:
        packages = {f"linux-headers-{name}": version for name, version in self.kernels.items()}
        if packages:
            packages["linux-headers-cloud-amd64"] = list(self.kernels.values())[-1]
        return packages


class KernelArchives(PackageIndexes):
    """The archives of a machine by their suites; an error is raised in the place of its answer."""

    def __init__(self, root: Path, archives: Mapping[str, KernelArchive | InstallerError]) -> None:
        locations = InputLocations(root=root, machine=MachineArchives(), swift=SwiftSession({}), repositories=())
        super().__init__(cache=Cache(root), locations=locations)
        object.__setattr__(self, "archives", archives)

    def open(self, source: PackageSource, architecture: Architecture) -> KernelArchive:
        assert isinstance(source, AptSource)
        found: KernelArchive | InstallerError = getattr(self, "archives").get(source.suites, KernelArchive({}))  # noqa: B009
        if isinstance(found, InstallerError):
            raise found
        return found


def current(given: LockedProject) -> LockedProject:
    """Return a project whose locked entries are those of its declarations."""
    lock = given.lock
    kernels, drivers, bases = kernel_declarations(given), driver_declarations(given), base_declarations(given)
    return require_locked(
        replace(
            given,
            lock=Lock(
                kernels={k: lock.kernels[k].model_copy(update={"declaration": d.digest}) for k, d in kernels.items()},
                drivers={k: lock.drivers[k].model_copy(update={"declaration": d.digest}) for k, d in drivers.items()},
                bases={k: lock.bases[k].model_copy(update={"declaration": d.digest}) for k, d in bases.items()},
            ),
        )
    )


def radar_project(*edits: tuple[str, str], **changes: object) -> LockedProject:
    """Return a project of two releases, one of which has a suite with kernels to come."""
    return current(project(component=radar_component(*edits), **changes))


def radar_component(*edits: tuple[str, str]) -> Component:
    return component(("sources:\n", RADAR), *edits)


def ask(
    given: LockedProject, root: Path, archives: Mapping[str, KernelArchive | InstallerError], *, kernels: str = ""
) -> Answers:
    """Return what some archives have for all releases of a project."""
    scout = KernelScout(project=given, indexes=KernelArchives(root, archives), glob=kernels, say=lambda _: None)
    return scout.ask(sources_to_ask(given.component, [r.name for r in given.component.context.releases]))


def next_kernel(given: LockedProject, root: Path) -> ComingKernel:
    """Return the next kernel of new-2, from its suite with kernels to come."""
    (found,) = ask(given, root, {"new-proposed-updates": KernelArchive({NEXT: "6.12.119-1"})}).kernels
    return found
