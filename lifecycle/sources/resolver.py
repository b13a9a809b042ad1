"""Answers declarations from the archives and the engine; keeps what versions.lock answers already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.errors import UsageError
from lifecycle.model.component import Architecture
from lifecycle.model.declarations import (
    Declaration,
    base_declarations,
    base_packages,
    driver_declarations,
    kernel_declarations,
    unanswered,
)
from lifecycle.model.digest import digest_of, short
from lifecycle.model.lock import Lock, LockedBase, LockedDriver, LockedKernel
from lifecycle.model.project import Project
from lifecycle.sources.apt import AptIndex
from lifecycle.sources.apt_setup import MachineArchives
from lifecycle.sources.resolve import resolve_driver, resolve_kernel


class LockOutdatedError(UsageError):
    """`--locked`, and the lock does not answer the declarations, or names files that are gone."""

    def __init__(self, why: str) -> None:
        super().__init__(f"--locked: versions.lock {why}: run `invoke fetch` and commit versions.lock")


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """The hands that look things up: the machine's archives, the engine's `pull` (reference to digest), `say` for the log.

    `root` is a folder for apt's private lists; they are brought up to date once in a resolver's life.
    """

    root: Path
    machine: MachineArchives
    pull: Callable[[str], str]
    say: Callable[[str], None]
    _indexes: dict[tuple[str, Architecture], AptIndex] = field(default_factory=dict)

    def resolve(self, project: Project, known: Lock, *, locked: bool) -> Lock:
        """The lock that answers every declaration of the project; what `known` answers stays exactly as it is.

        Raises LockOutdatedError under `locked` if anything has to be asked, PackageLackingError for what is not there.
        """
        kernels, drivers, bases = kernel_declarations(project), driver_declarations(project), base_declarations(project)
        ask_kernels, ask_drivers = unanswered(kernels, known.kernels), unanswered(drivers, known.drivers)
        ask_bases = unanswered(bases, known.bases)
        asked = [*ask_kernels, *ask_drivers, *ask_bases]
        if locked and asked:
            raise LockOutdatedError(f"does not answer what is declared for {', '.join(asked)}")
        found_kernels = {key: self._kernel(project, kernels[key]) for key in ask_kernels}
        found_drivers = {key: self._driver(project, drivers[key]) for key in ask_drivers}
        found_bases = {key: self._base(project, bases[key]) for key in ask_bases}
        return Lock(
            kernels={key: found_kernels.get(key) or known.kernels[key] for key in kernels},
            drivers={key: found_drivers.get(key) or known.drivers[key] for key in drivers},
            bases={key: found_bases.get(key) or known.bases[key] for key in bases},
        )

    def _index(self, declaration: Declaration) -> AptIndex:
        name = "-".join(dict.fromkeys(repository.suite for repository in declaration.repositories))
        plain = [repository.model_dump(mode="json", exclude_none=True) for repository in declaration.repositories]
        key = short(digest_of(plain))
        index = AptIndex(
            name=name,
            repositories=declaration.repositories,
            architecture=declaration.architecture,
            machine=self.machine,
            root=self.root / f"{name}-{declaration.architecture}-{key}",
        )
        return self._indexes.setdefault((key, declaration.architecture), index)

    def _kernel(self, project: Project, declaration: Declaration) -> LockedKernel:
        name = declaration.key.rpartition("/")[0]
        release = next(release for release in project.component.context.releases if release.name == name)
        self.say(f"looking up the kernel of {name}")
        packages = project.component.sources.packages
        return resolve_kernel(release, declaration.architecture, packages, self._index(declaration), declaration.digest)

    def _driver(self, project: Project, declaration: Declaration) -> LockedDriver:
        declared = declaration.key.rpartition("/")[0]
        self.say(f"looking up driver {declared}")
        context, packages = project.component.context, project.component.sources.packages
        return resolve_driver(declared, context.module_type, packages, self._index(declaration), declaration.digest)

    def _base(self, project: Project, declaration: Declaration) -> LockedBase:
        base = project.images.bases[declaration.key]
        self.say(f"looking up {base.name}={base.reference}")
        if base.release is None:
            return LockedBase(declaration=declaration.digest, digest=self.pull(base.reference))
        wanted: Sequence[str] = base_packages(project, base)
        return LockedBase(declaration=declaration.digest, packages=self._index(declaration).closure(wanted))
