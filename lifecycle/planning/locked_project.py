"""A project whose versions.lock is complete: what every build, plan and release starts from."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from pathlib import Path

from lifecycle.config.lock import Lock
from lifecycle.config.validation import read_document, read_text
from lifecycle.errors import ConfigurationError, UsageError
from lifecycle.planning.declarations import (
    AnySource,
    Declaration,
    Entry,
    base_declarations,
    driver_declarations,
    kernel_declarations,
    unresolved,
)
from lifecycle.planning.matrix import EmptyMatrixError, Matrix, expand
from lifecycle.planning.project import COMPONENT, Project, load_project


class NotLockedError(UsageError):
    """Declarations that versions.lock lacks, or has a stale entry for."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__(
            f"versions.lock does not have {', '.join(missing)}: run `invoke fetch`, which resolves and locks them"
        )


@dataclass(frozen=True, kw_only=True)
class LockedProject(Project):
    """A project whose versions.lock has a current entry for every declaration. `require_locked` makes one."""

    @cached_property
    def matrix(self) -> Matrix:
        """The combinations, expanded once. Raises what `expand` raises."""
        try:
            return expand(self.component, self.lock, self.series)
        except EmptyMatrixError as error:
            raise EmptyMatrixError(self._place(("context", "exclude"))) from error

    def driver_ends_of_life(self) -> dict[str, date]:
        """Return the last day of the vendor's support by driver version, for drivers whose source declares it."""
        ends = {
            c.driver: self.component.driver_source_of(c.declared_driver).end_of_life for c in self.matrix.combinations
        }
        return {driver: end for driver, end in sorted(ends.items()) if end}

    def _place(self, path: tuple[str, ...]) -> str:
        """Return the place of a key in component.yaml as `file:line:column`, or the file's name if it has changed meanwhile."""
        try:
            return read_document(read_text(self.root / COMPONENT), file=COMPONENT.name).where(path)
        except ConfigurationError:
            return COMPONENT.name


def require_locked(project: Project) -> LockedProject:
    """Return the project as a locked one. Raises NotLockedError unless every kernel, driver and base is locked as declared."""
    lock = project.lock
    missing = [f"a kernel of {key}" for key in unresolved(kernel_declarations(project), lock.kernels)]
    missing += [f"driver {key}" for key in unresolved(driver_declarations(project), lock.drivers)]
    missing += [f"base {key}" for key in unresolved(base_declarations(project), lock.bases)]
    if missing:
        raise NotLockedError(missing)
    return replace_lock(project, lock)


def replace_lock(project: Project, lock: Lock) -> LockedProject:
    """Return the project with a lock that was just resolved for it, which therefore needs no check."""
    parts = {field.name: getattr(project, field.name) for field in fields(Project)}
    return LockedProject(**{**parts, "lock": lock})


def is_lock_current(project: Project) -> bool:
    """Return whether versions.lock has current entries for all declarations and no others: resolving would not change it."""
    lock = project.lock
    return (
        _is_current(kernel_declarations(project), lock.kernels)
        and _is_current(driver_declarations(project), lock.drivers)
        and _is_current(base_declarations(project), lock.bases)
    )


def _is_current(declared: Mapping[str, Declaration[AnySource | None]], locked: Mapping[str, Entry]) -> bool:
    return declared.keys() == locked.keys() and not unresolved(declared, locked)


def load_locked_project(root: Path, environ: Mapping[str, str] = os.environ) -> LockedProject:
    """Read a checkout whose versions.lock is current. Raises ConfigurationError, NotLockedError."""
    return require_locked(load_project(root, environ))
