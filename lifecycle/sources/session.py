"""The clients of the sources that one checkout declares: indexes, the resolver of versions.lock, and the downloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lifecycle.cache.cache import Cache
from lifecycle.planning.declarations import apt_repositories
from lifecycle.planning.project import Project
from lifecycle.sources.apt.machine import MachineArchives
from lifecycle.sources.driver_versions import DriverVersions
from lifecycle.sources.fetch import Fetcher
from lifecycle.sources.locations import InputLocations
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.redistributable import RedistributableResolver
from lifecycle.sources.resolve_lock import LockResolver
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.sources.swift import SwiftSession
from lifecycle.tools.engine.engine import Engine
from lifecycle.tools.terminal.progress import Progress


@dataclass(frozen=True, kw_only=True)
class SourceSession:
    """The clients that resolve and download what a project declares. Each is made at its first use."""

    project: Project
    environ: Mapping[str, str]
    cache: Cache
    engine: Engine
    progress: Progress

    @cached_property
    def locations(self) -> InputLocations:
        """The locations that component.yaml declares, as seen from this machine."""
        return InputLocations(
            root=self.project.root,
            machine=MachineArchives(),
            swift=SwiftSession(self.environ),
            repositories=apt_repositories(self.project.component),
        )

    @cached_property
    def indexes(self) -> PackageIndexes:
        """The indexes of the package sources, each opened once."""
        return PackageIndexes(cache=self.cache, locations=self.locations)

    @cached_property
    def driver_versions(self) -> DriverVersions:
        """The reader of what the sources of drivers list and have."""
        return DriverVersions(cache=self.cache, locations=self.locations, say=self.progress.say)

    @cached_property
    def resolver(self) -> LockResolver:
        """The resolver of the entries of versions.lock."""
        return LockResolver(
            indexes=self.indexes,
            runfiles=RunfileResolver(reader=self.driver_versions),
            redistributables=RedistributableResolver(reader=self.driver_versions),
            pull=self.engine.pull,
            say=self.progress.say,
        )

    @cached_property
    def fetcher(self) -> Fetcher:
        """The writer of versions.lock and downloader of what it names."""
        return Fetcher(
            cache=self.cache,
            engine=self.engine,
            locations=self.locations,
            resolver=self.resolver,
            progress=self.progress,
        )
