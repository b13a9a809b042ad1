"""What the sources offer beyond what is declared: newest kernels, driver versions, releases of a family."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifecycle.config.component import NEWEST, Component
from lifecycle.config.schema import Architecture
from lifecycle.config.sources import AptSource, DirectorySource, PackagedDriver, PackageSource, SwiftSource
from lifecycle.config.versions import version_key
from lifecycle.sources.locations import FILE, glob_template
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.resolve_packages import driver_versions, newest_kernel
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.versions.updates import AvailableKernel, AvailableVersions

_VERSION = r"\d+(?:\.\d+)*"
# With a dot, which dates and sizes in a listing lack, and on its own.
_VERSION_IN_TEXT = re.compile(r"(?<![\w.])\d+(?:\.\d+)+(?![\w.]*\w)")


@dataclass(frozen=True, kw_only=True)
class AvailabilityReader:
    """Asks the sources, all of them for the first architecture; `say` is the log."""

    indexes: PackageIndexes
    runfiles: RunfileResolver
    say: Callable[[str], None]

    def read(self, component: Component) -> AvailableVersions:
        """Everything that there is; raises what the sources raise."""
        architecture = component.context.architecture[0]
        self.say("asking the sources what they offer")
        return AvailableVersions(
            kernels={r.name: self._kernel(component, r.name, architecture) for r in component.context.releases},
            drivers={
                branch: tuple(self._drivers(component, branch, architecture)) for branch in component.sources.drivers
            },
            releases={
                family: tuple(f"{family[:-1]}{version}" for version in self._releases(source))
                for family, source in component.sources.releases.items()
                if family.endswith("-*") and any(r.name.startswith(family[:-1]) for r in component.context.releases)
            },
        )

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
        return self.runfiles.versions(source, architecture) or []

    def _releases(self, source: PackageSource) -> list[str]:
        """The versions of a family, newest first; none where the source cannot be asked."""
        match source:
            case AptSource():
                found = _VERSION_IN_TEXT.findall(self.runfiles.read_page(source.versions)) if source.versions else []
            case SwiftSource():
                first = source.prefix.partition("{version}")[0]
                listed = self.indexes.locations.swift.list_objects(source.container, first)
                found = _matching(source.prefix, [entry.name for entry in listed])
            case DirectorySource():
                path = self.indexes.locations.path(f"{FILE}{source.path}").absolute()
                found = _matching(str(path), [str(folder) for folder in glob_template(path) if folder.is_dir()])
        return sorted(set(found), key=version_key, reverse=True)


def _matching(template: str, names: Sequence[str]) -> list[str]:
    """The versions in names that begin as a template says."""
    pattern = re.compile(re.escape(template).replace(re.escape("{version}"), f"({_VERSION})", 1))
    return [match[1] for name in names if (match := pattern.match(name))]
