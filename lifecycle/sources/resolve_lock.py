"""The resolution of declarations into entries of versions.lock. Current entries are kept."""

from collections.abc import Callable
from dataclasses import dataclass

from lifecycle.config.lock import Lock, LockedBase, LockedDriver, LockedKernel
from lifecycle.config.sources.driver_sources import RedistributableDriver, RunfileDriver
from lifecycle.config.sources.package_sources import AptSource, PackageSource
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
from lifecycle.planning.required_inputs import boot_warning
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.redistributable import RedistributableResolver
from lifecycle.sources.resolve_packages import resolve_driver, resolve_kernel
from lifecycle.sources.runfile import RunfileResolver
from lifecycle.tools.engine.engine import PulledImage


class StaleLockError(UsageError):
    """A versions.lock that is stale, or names files that are gone, while `--locked` forbids changing it."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"--locked: versions.lock {problem}: run `invoke fetch` and commit versions.lock")


@dataclass(frozen=True, kw_only=True)
class LockResolver:
    """The resolver of kernels, drivers and bases.

    `pull` pulls an image reference for an architecture; `say` writes a line of the log.
    """

    indexes: PackageIndexes
    runfiles: RunfileResolver
    redistributables: RedistributableResolver
    pull: Callable[[str, str], PulledImage]
    say: Callable[[str], None]

    def resolve(self, project: Project, known: Lock, *, locked: bool) -> Lock:
        """Return the lock of all the project's declarations. Entries of `known` that are current are kept unchanged.

        Raises StaleLockError if anything is unresolved under `locked`, and what the sources raise, such as
        PackageNotFoundError.
        """
        kernels, drivers, bases = kernel_declarations(project), driver_declarations(project), base_declarations(project)
        stale_kernels, stale_drivers = unresolved(kernels, known.kernels), unresolved(drivers, known.drivers)
        stale_bases = unresolved(bases, known.bases)
        stale = [*stale_kernels, *stale_drivers, *stale_bases]
        if locked and stale:
            raise StaleLockError(f"is stale for {', '.join(stale)}")
        new_kernels = {key: self.kernel(project, kernels[key]) for key in stale_kernels}
        new_drivers = {key: self.driver(project, drivers[key]) for key in stale_drivers}
        new_bases = {key: self.base(project, bases[key]) for key in stale_bases}
        return Lock(
            kernels={key: new_kernels.get(key) or known.kernels[key] for key in kernels},
            drivers={key: new_drivers.get(key) or known.drivers[key] for key in drivers},
            bases={key: new_bases.get(key) or known.bases[key] for key in bases},
        )

    def kernel(self, project: Project, declaration: Declaration[PackageSource]) -> LockedKernel:
        """Resolve the declaration of a kernel. Raises PackageNotFoundError, and what opening its source raises."""
        name = declaration.name
        release = next(release for release in project.component.context.releases if release.name == name)
        self.say(f"resolving the kernel of {name}")
        packages, architectures = project.component.sources.packages, project.component.context.architecture
        index = self.indexes.open(declaration.source, declaration.architecture)
        native = self.indexes.open(declaration.source, architectures[0])
        kernel = resolve_kernel(release, declaration.architecture, packages, index, declaration.digest, native=native)
        if warning := boot_warning(name, kernel):
            self.say(warning)
        return kernel

    def driver(self, project: Project, declaration: Declaration[AnySource]) -> LockedDriver:
        """Resolve the declaration of a driver; an unpackaged one is downloaded. Raises PackageNotFoundError, NoVersionsError."""
        declared = declaration.name
        self.say(f"resolving driver {declared}")
        context, source, architecture = project.component.context, declaration.source, declaration.architecture
        packages = project.component.sources.packages.for_architecture(architecture)
        if isinstance(source, RunfileDriver):
            return self.runfiles.resolve(declared, context.module_type, source, architecture, declaration.digest)
        if isinstance(source, RedistributableDriver):
            types = context.module_type
            return self.redistributables.resolve(declared, types, source, architecture, declaration.digest)
        index = self.indexes.open(source, architecture)
        return resolve_driver(declared, context.module_type, packages, index, declaration.digest)

    def base(self, project: Project, declaration: Declaration[AptSource | None]) -> LockedBase:
        """Resolve the declaration of a base: to its packages, or to the digest of its image, which is pulled."""
        base = project.base_of(declaration.key)
        self.say(f"resolving {base.name}={base.reference}")
        if declaration.source is None:
            pulled = self.pull(base.reference, declaration.architecture)
            return LockedBase(declaration=declaration.digest, digest=pulled.digest, id=pulled.id)
        index = self.indexes.open_apt(declaration.source, declaration.architecture)
        packages = index.closure(base_packages(project, base, declaration.architecture))
        return LockedBase(declaration=declaration.digest, packages=packages)
