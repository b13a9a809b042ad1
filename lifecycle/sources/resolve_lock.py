"""Answers declarations from the archives and the engine; keeps what versions.lock answers already."""

from collections.abc import Callable
from dataclasses import dataclass

from lifecycle.config.lock import Lock, LockedBase, LockedDriver, LockedKernel
from lifecycle.config.sources import AptSource, PackageSource, RunfileDriver
from lifecycle.errors import UsageError
from lifecycle.planning.declarations import (
    AnySource,
    Declaration,
    base_declarations,
    base_packages,
    driver_declarations,
    kernel_declarations,
    unresolved,
)
from lifecycle.planning.project import Project
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.resolve_packages import resolve_driver, resolve_kernel
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.tools.engine.engine import PulledImage


class LockOutdatedError(UsageError):
    """`--locked`, and the lock does not answer the declarations, or names files that are gone."""

    def __init__(self, why: str) -> None:
        super().__init__(f"--locked: versions.lock {why}: run `invoke fetch` and commit versions.lock")


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """The hands that look things up: package sources, .run files, the engine's `pull` (for an architecture), `say` for the log."""

    indexes: PackageIndexes
    runfiles: RunfileResolver
    pull: Callable[[str, str], PulledImage]
    say: Callable[[str], None]

    def resolve(self, project: Project, known: Lock, *, locked: bool) -> Lock:
        """The lock that answers every declaration of the project; what `known` answers stays exactly as it is.

        Raises LockOutdatedError under `locked` if anything has to be asked, PackageLackingError for what is not there.
        """
        kernels, drivers, bases = kernel_declarations(project), driver_declarations(project), base_declarations(project)
        ask_kernels, ask_drivers = unresolved(kernels, known.kernels), unresolved(drivers, known.drivers)
        ask_bases = unresolved(bases, known.bases)
        asked = [*ask_kernels, *ask_drivers, *ask_bases]
        if locked and asked:
            raise LockOutdatedError(f"does not answer what is declared for {', '.join(asked)}")
        found_kernels = {key: self.kernel(project, kernels[key]) for key in ask_kernels}
        found_drivers = {key: self.driver(project, drivers[key]) for key in ask_drivers}
        found_bases = {key: self.base(project, bases[key]) for key in ask_bases}
        return Lock(
            kernels={key: found_kernels.get(key) or known.kernels[key] for key in kernels},
            drivers={key: found_drivers.get(key) or known.drivers[key] for key in drivers},
            bases={key: found_bases.get(key) or known.bases[key] for key in bases},
        )

    def kernel(self, project: Project, declaration: Declaration[PackageSource]) -> LockedKernel:
        """The kernel that a declaration means; raises PackageLackingError."""
        name = declaration.name
        release = next(release for release in project.component.context.releases if release.name == name)
        self.say(f"looking up the kernel of {name}")
        packages, architectures = project.component.sources.packages, project.component.context.architecture
        index = self.indexes.of(declaration.source, declaration.architecture)
        tools = self.indexes.of(declaration.source, architectures[0])
        return resolve_kernel(release, declaration.architecture, packages, index, declaration.digest, tools=tools)

    def driver(self, project: Project, declaration: Declaration[AnySource]) -> LockedDriver:
        """The driver that a declaration means; raises PackageLackingError, NoVersionsError."""
        declared = declaration.name
        self.say(f"looking up driver {declared}")
        context, source, architecture = project.component.context, declaration.source, declaration.architecture
        packages = project.component.sources.packages.for_architecture(architecture)
        if isinstance(source, RunfileDriver):
            return self.runfiles.resolve(declared, context.module_type, source, architecture, declaration.digest)
        index = self.indexes.of(source, architecture)
        return resolve_driver(declared, context.module_type, packages, index, declaration.digest)

    def base(self, project: Project, declaration: Declaration[AptSource | None]) -> LockedBase:
        """The base that a declaration means: its packages, or the digest of the image, which is pulled."""
        base = project.base_of(declaration.key)
        self.say(f"looking up {base.name}={base.reference}")
        if declaration.source is None:
            pulled = self.pull(base.reference, declaration.architecture)
            return LockedBase(declaration=declaration.digest, digest=pulled.digest, id=pulled.id)
        index = self.indexes.apt(declaration.source, declaration.architecture)
        packages = index.closure(base_packages(project, base, declaration.architecture))
        return LockedBase(declaration=declaration.digest, packages=packages)
