"""Where inputs come from and how they get here, put together once: the sources, the lookups, the downloads."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lifecycle.build.state import BuildState
from lifecycle.model.declarations import apt_repositories
from lifecycle.model.project import Project
from lifecycle.model.targets import Targets
from lifecycle.sources.apt_setup import MachineArchives
from lifecycle.sources.indexes import Indexes
from lifecycle.sources.places import Places
from lifecycle.sources.resolver import Resolver
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.sources.swift import SwiftSession
from lifecycle.steps.fetch import Fetcher
from lifecycle.tools.engine import Engine
from lifecycle.tools.progress import Progress
from lifecycle.tools.store import Store


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The hands that look up and fetch what a checkout, `project`, names; nothing is touched before it is needed."""

    project: Project
    environ: Mapping[str, str]
    store: Store
    engine: Engine
    progress: Progress

    @cached_property
    def places(self) -> Places:
        """All that component.yaml names, as it is seen from this machine."""
        return Places(
            root=self.project.root,
            machine=MachineArchives(),
            swift=SwiftSession(self.environ),
            repositories=apt_repositories(self.project.component),
        )

    @cached_property
    def indexes(self) -> Indexes:
        """The sources of packages, each opened once."""
        return Indexes(store=self.store, places=self.places)

    @cached_property
    def resolver(self) -> Resolver:
        """Looks up what the lock does not answer."""
        return Resolver(
            indexes=self.indexes,
            runfiles=RunfileResolver(store=self.store, places=self.places, say=self.progress.say),
            pull=self.engine.pull,
            say=self.progress.say,
        )

    @cached_property
    def fetcher(self) -> Fetcher:
        """Has the lock answer what is declared, and the cache hold what the lock names."""
        return Fetcher(
            store=self.store,
            have=self._have_base,
            places=self.places,
            resolver=self.resolver,
            progress=self.progress,
        )

    def _have_base(self, project: Project, name: str) -> None:
        """Have a base that is pulled; one that a bundle brought is known by its local name."""
        locked = project.lock.bases[name]
        reference = project.images.of(name).pinned(str(locked.digest))
        state = BuildState(self.store, self.engine, project.component.image)
        if state.has(Targets(project).base(name)) or self.engine.image(locked.id or reference):
            return
        architectures = project.component.context.architecture
        self.engine.pull(reference, name.partition("/")[2] or architectures[0])
