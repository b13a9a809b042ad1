"""The versions available in the sources: newest kernels, driver versions, and releases of a family."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifecycle.config.component import NEWEST, Component
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.driver_sources import PackagedDriver, RedistributableDriver
from lifecycle.config.sources.package_sources import AptSource, DirectorySource, PackageSource, SwiftSource
from lifecycle.config.versions import version_key
from lifecycle.sources.driver_versions import DriverVersions
from lifecycle.sources.locations import FILE, glob_template
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.redistributable import RedistributableResolver
from lifecycle.sources.resolve_packages import driver_versions, newest_kernel
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.sources.session import SourceSession
from lifecycle.versions.updates import AvailableKernel, AvailableVersions

_VERSION = r"\d+(?:\.\d+)*"
# A separate word with a dot, unlike most dates and sizes in a list of files.
_VERSION_IN_TEXT = re.compile(r"(?<![\w.])\d+(?:\.\d+)+(?![\w.]*\w)")


@dataclass(frozen=True, kw_only=True)
class AvailabilityReader:
    """The reader of the sources' available versions, for the first architecture. `say` writes a line of the log."""

    indexes: PackageIndexes
    runfiles: RunfileResolver
    redistributables: RedistributableResolver
    pages: DriverVersions
    say: Callable[[str], None]

    @classmethod
    def of(cls, sources: SourceSession, say: Callable[[str], None]) -> "AvailabilityReader":
        """Return the reader of a session's sources."""
        return cls(
            indexes=sources.indexes,
            runfiles=sources.resolver.runfiles,
            redistributables=sources.resolver.redistributables,
            pages=sources.driver_versions,
            say=say,
        )

    def read(self, component: Component) -> AvailableVersions:
        """Return the available versions for a component. Raises what the sources raise, such as VersionPageError."""
        architecture = component.context.architecture[0]
        self.say("reading the versions available in the sources")
        return AvailableVersions(
            kernels={r.name: self._kernel(component, r.name, architecture) for r in component.context.releases},
            drivers={
                branch: tuple(self._drivers(component, branch, architecture)) for branch in component.sources.drivers
            },
            releases=self.releases(component),
        )

    def releases(self, component: Component) -> dict[str, tuple[str, ...]]:
        """Return the releases of each family that has a declared one, newest first. Raises as `read`."""
        return {
            family: tuple(f"{family[:-1]}{version}" for version in self._releases(source))
            for family, source in component.sources.releases.items()
            if family.endswith("-*") and any(r.name.startswith(family[:-1]) for r in component.context.releases)
        }

    def _kernel(self, component: Component, name: str, architecture: Architecture) -> AvailableKernel:
        release = next(r for r in component.context.releases if r.name == name)
        index = self.indexes.open(component.source_of(name), architecture)
        newest = release.model_copy(update={"kernel": NEWEST})
        return AvailableKernel(*newest_kernel(newest, architecture, component.sources.packages, index))

    def _drivers(self, component: Component, branch: str, architecture: Architecture) -> Sequence[str]:
        source = component.sources.drivers[branch]
        if isinstance(source, PackagedDriver):
            index = self.indexes.open(component.source_of(source.release), architecture)
            return driver_versions(component.sources.packages, index)
        if isinstance(source, RedistributableDriver):
            return self.redistributables.versions(source)
        return self.runfiles.offered(branch, source, architecture)

    def _releases(self, source: PackageSource) -> list[str]:
        """Return the versions of a family's releases, newest first; [] if its source cannot be listed."""
        match source:
            case AptSource():
                found = _VERSION_IN_TEXT.findall(self.pages.read_page(source.versions)) if source.versions else []
            case SwiftSource():
                first = source.prefix.partition("{version}")[0]
                listed = self.indexes.locations.swift.list_objects(source.container, first)
                found = _versions_in(source.prefix, [entry.name for entry in listed])
            case DirectorySource():
                path = self.indexes.locations.path(f"{FILE}{source.path}").absolute()
                found = _versions_in(str(path), [str(folder) for folder in glob_template(path) if folder.is_dir()])
        return sorted(set(found), key=version_key, reverse=True)


def _versions_in(template: str, names: Sequence[str]) -> list[str]:
    """Return the versions in the names that begin with a template, in which `{version}` stands for a version."""
    pattern = re.compile(re.escape(template).replace(re.escape("{version}"), f"({_VERSION})", 1))
    return [match[1] for name in names if (match := pattern.match(name))]
