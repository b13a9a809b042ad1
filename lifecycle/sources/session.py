"""Where inputs come from and how they get here, put together once: the sources, the lookups, the downloads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from lifecycle.cache.cache import Cache
from lifecycle.planning.declarations import apt_repositories
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.project import Project
from lifecycle.sources.apt_machine import MachineArchives
from lifecycle.sources.fetch import Fetcher
from lifecycle.sources.locations import InputLocations
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.resolve_lock import Resolver
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.sources.swift import SwiftSession
from lifecycle.tools.engine.engine import Engine
from lifecycle.tools.progress import Progress


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The clients that look up and fetch what a checkout, `project`, names; each is made when it is first needed.

    `has_base` tells whether a base of a project, by its name, is in the engine.
    """

    project: Project
    environ: Mapping[str, str]
    cache: Cache
    engine: Engine
    progress: Progress
    has_base: Callable[[LockedProject, str], bool]

    @cached_property
    def locations(self) -> InputLocations:
        """All that component.yaml names, as it is seen from this machine."""
        return InputLocations(
            root=self.project.root,
            machine=MachineArchives(),
            swift=SwiftSession(self.environ),
            repositories=apt_repositories(self.project.component),
        )

    @cached_property
    def indexes(self) -> PackageIndexes:
        """The sources of packages, each opened once."""
        return PackageIndexes(cache=self.cache, locations=self.locations)

    @cached_property
    def resolver(self) -> Resolver:
        """Looks up what the lock does not answer."""
        return Resolver(
            indexes=self.indexes,
            runfiles=RunfileResolver(cache=self.cache, locations=self.locations, say=self.progress.say),
            pull=self.engine.pull,
            say=self.progress.say,
        )

    @cached_property
    def fetcher(self) -> Fetcher:
        """Has the lock answer what is declared, and the cache hold what the lock names."""
        return Fetcher(
            cache=self.cache,
            have=self._have_base,
            locations=self.locations,
            resolver=self.resolver,
            progress=self.progress,
        )

    def _have_base(self, project: LockedProject, name: str) -> None:
        """Have a base that is pulled; one that a bundle brought is known by its local name."""
        locked = project.lock.bases[name]
        reference = project.base_of(name).pinned(str(locked.digest))
        if self.has_base(project, name) or self.engine.image(locked.id or reference):
            return
        self.engine.pull(reference, project.base_architecture(name))
