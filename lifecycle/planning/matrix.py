"""The matrix: all combinations of the declared releases, kernels and drivers, without the excluded ones. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lifecycle.config.component import Channel, Component, Exclusion, Release
from lifecycle.config.lock import Lock, LockedDriver, LockedKernel, driver_key, kernel_key
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.versions import driver_branch, kernel_name
from lifecycle.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class ExcludedModules:
    """A module type that is not built, and the reason from its exclusion."""

    module_type: ModuleType
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModulePatch:
    """A patch for the modules of one type."""

    module_type: ModuleType
    patch: Patch


@dataclass(frozen=True, kw_only=True)
class Combination:
    """One OS release × kernel × driver: one image, with the modules of each module type.

    `kernel` is the kernel release (`uname -r`) and `linux` its upstream version. `driver` is the exact version and
    `declared_driver` the entry of context.driverVersion that it was resolved from.
    """

    release: str
    kernel: str
    linux: str
    driver: str
    declared_driver: str
    architecture: Architecture
    channel: Channel
    module_types: tuple[ModuleType, ...]
    excluded: tuple[ExcludedModules, ...] = ()
    patches: tuple[ModulePatch, ...] = ()

    @property
    def id(self) -> str:
        """The identifier: `debian-12/6.1.0-56-cloud-amd64/535.309.01`. Its second part is `kernel_name`."""
        return f"{self.release}/{self.kernel_name}/{self.driver}"

    @property
    def kernel_name(self) -> str:
        """The name of the kernel: its release, followed by the architecture if the release does not contain it."""
        return kernel_name(self.kernel, self.architecture)

    @property
    def branch(self) -> str:
        """The driver branch: `535`."""
        return driver_branch(self.driver)


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The combinations to build, those that are excluded whole, and warnings for people."""

    combinations: tuple[Combination, ...]
    excluded: tuple[Combination, ...]
    warnings: tuple[str, ...]


class ModuleSourcesNotFoundError(ConfigurationError):
    """Declared module types that the driver's source does not have."""

    def __init__(self, lacking: Iterable[tuple[str, ModuleType, Architecture]]) -> None:
        super().__init__(
            [
                f"component.yaml: sources.drivers: the source of driver {driver} has no {module_type} modules for "
                f"{architecture}: exclude them with\n    - {{driverVersion: {driver}, moduleType: {module_type}, "
                f"architecture: {architecture}, reason: not in the archive}}"
                for driver, module_type, architecture in sorted(set(lacking))
            ]
        )


class EmptyMatrixError(ConfigurationError):
    """Exclusions that leave no combination."""

    def __init__(self, where: str = "component.yaml") -> None:
        super().__init__([f"{where}: context.exclude excludes every combination: remove or narrow one of its entries"])


class SameDriverError(ConfigurationError):
    """Two entries of driverVersion that resolve to one version."""

    def __init__(self, version: str, entries: list[str]) -> None:
        super().__init__(
            [f"component.yaml: context.driverVersion: {' and '.join(entries)} both mean {version}: remove one of them"]
        )


def expand(component: Component, lock: Lock, series: PatchSeries) -> Matrix:
    """Return all combinations, in the order of component.yaml; `lock` has an entry for each release and driver.

    Raises SameDriverError if two entries of driverVersion mean one driver, ModuleSourcesNotFoundError if a source has no module
    sources of a declared type, and EmptyMatrixError if everything is excluded.
    """
    _check_drivers(component, lock)
    every = list(_every(component, lock, series))
    lacking = [
        (combination.driver, module_type, combination.architecture)
        for combination in every
        for module_type in combination.module_types
        if module_type not in lock.driver_for(combination).modules
    ]
    if lacking:
        raise ModuleSourcesNotFoundError(lacking)
    if not any(c.module_types for c in every):
        raise EmptyMatrixError
    return Matrix(
        combinations=tuple(c for c in every if c.module_types),
        excluded=tuple(c for c in every if not c.module_types),
        warnings=tuple(_idle_exclusions(component, every)),
    )


def _check_drivers(component: Component, lock: Lock) -> None:
    entries: dict[str, list[str]] = {}
    for declared in component.context.driver_version:
        version = lock.drivers[driver_key(declared, component.context.architecture[0])].version
        entries.setdefault(version, []).append(declared)
    for version, declared_as in entries.items():
        if len(declared_as) > 1:
            raise SameDriverError(version, declared_as)


def _every(component: Component, lock: Lock, series: PatchSeries) -> Iterator[Combination]:
    context = component.context
    for release in context.releases:
        for architecture in context.architecture:
            kernel = lock.kernels[kernel_key(release.name, architecture)]
            for declared in context.driver_version:
                driver = lock.drivers[driver_key(declared, architecture)]
                yield _combine(component, release, architecture, kernel, declared, driver, series)


def _combine(
    component: Component,
    release: Release,
    architecture: Architecture,
    kernel: LockedKernel,
    declared: str,
    driver: LockedDriver,
    series: PatchSeries,
) -> Combination:
    excluded = []
    for module_type in component.context.module_type:
        rule = _first_exclusion(component, driver.version, module_type, kernel, architecture)
        if rule:
            excluded.append(ExcludedModules(module_type=module_type, reason=rule.reason))
    out = {entry.module_type for entry in excluded}
    module_types = tuple(t for t in component.context.module_type if t not in out)
    return Combination(
        release=release.name,
        kernel=kernel.release,
        linux=kernel.version,
        driver=driver.version,
        declared_driver=declared,
        architecture=architecture,
        channel=release.channel,
        module_types=module_types,
        excluded=tuple(excluded),
        patches=tuple(
            ModulePatch(module_type=module_type, patch=patch)
            for module_type in module_types
            for patch in series.for_modules(driver=driver.version, module_type=module_type, kernel=kernel.version)
        ),
    )


def _first_exclusion(
    component: Component, driver: str, module_type: ModuleType, kernel: LockedKernel, architecture: Architecture
) -> Exclusion | None:
    for rule in component.context.exclude:
        if rule.matches(
            driver=driver,
            module_type=module_type,
            kernel=kernel.version,
            kernel_release=kernel.release,
            architecture=architecture,
        ):
            return rule
    return None


def is_excluded_by(rule: Exclusion, combination: Combination, module_type: ModuleType) -> bool:
    """Return whether an exclusion matches the modules of one type of a combination."""
    return rule.matches(
        driver=combination.driver,
        module_type=module_type,
        kernel=combination.linux,
        kernel_release=combination.kernel,
        architecture=combination.architecture,
    )


def _idle_exclusions(component: Component, every: list[Combination]) -> Iterator[str]:
    for index, rule in enumerate(component.context.exclude):
        if not any(is_excluded_by(rule, c, t) for c in every for t in component.context.module_type):
            yield f"component.yaml: context.exclude[{index}] ({rule.reason}) excludes nothing: remove it if it is obsolete"
