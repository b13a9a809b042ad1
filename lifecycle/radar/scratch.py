"""A project as it would be with a coming kernel, in memory. Pure.

The inputs of its modules are those of a checkout in which the kernel is adopted: headers, driver sources, patches, builder and
recipe. So their digests are equal, and an adopted kernel is already compiled. Nothing is written: a project is a frozen value.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, replace
from typing import TypeVar

from lifecycle.config.component import Component, Exclusion
from lifecycle.config.image_versions import builder_name
from lifecycle.config.lock import Lock, driver_key
from lifecycle.config.schema import ModuleType
from lifecycle.planning.declarations import base_declarations, driver_declarations, kernel_declarations
from lifecycle.planning.locked_project import LockedProject, require_locked
from lifecycle.planning.matrix import Combination, is_excluded_by
from lifecycle.planning.project import Project
from lifecycle.radar.coming import ComingKernel

# An entry of sources.releases for the suite of a coming kernel, so that its files can be downloaded. No release has this name.
_SOURCE = "radar-coming"
_Entry = TypeVar("_Entry")


def scratch_project(
    project: LockedProject, coming: ComingKernel, without: Collection[tuple[str, ModuleType]] = ()
) -> LockedProject:
    """Return the project with one release, whose kernel is a coming one; `without` are driver versions and module types.

    Exclusions by kernel do not count: the coming kernel is what they have to be examined for. Raises NotLockedError if the lock of
    the project is not current.
    """
    scratch = _declared(project, coming, without)
    lock, kernels = project.lock, kernel_declarations(scratch)
    bases = {**lock.bases, builder_name(coming.origin.release.name): lock.bases[builder_name(coming.origin.builder)]}
    return require_locked(
        replace(
            scratch,
            lock=Lock(
                kernels={
                    key: coming.kernel.model_copy(update={"declaration": declaration.digest})
                    for key, declaration in kernels.items()
                },
                drivers=_needed(lock.drivers, driver_declarations(scratch)),
                bases=_needed(bases, base_declarations(scratch)),
            ),
        )
    )


def _declared(project: LockedProject, coming: ComingKernel, without: Iterable[tuple[str, ModuleType]]) -> Project:
    component, origin = project.component, coming.origin
    release = origin.release.model_copy(update={"kernel": coming.kernel.release})
    context = component.context.model_copy(
        update={"releases": [release], "exclude": [*_exclusions(project, coming), *_left_out(without)]}
    )
    releases = {**component.sources.releases, _SOURCE: origin.source}
    sources = component.sources.model_copy(update={"releases": releases})
    changed = component.model_copy(update={"context": context, "sources": sources})
    name = builder_name(release.name)
    base = replace(project.images.bases[builder_name(coming.origin.builder)], name=name)
    images = replace(project.images, bases={**project.images.bases, name: base})
    parts = {field.name: getattr(project, field.name) for field in fields(Project)}
    return Project(**{**parts, "component": changed, "images": images})


def _exclusions(project: LockedProject, coming: ComingKernel) -> list[Exclusion]:
    """Return the exclusions that do not name a kernel, and those of what cannot be compiled for this kernel."""
    context, lock = project.component.context, project.lock
    found = [rule for rule in context.exclude if not names_kernel(rule)]
    others = [a for a in context.architecture if a is not coming.architecture]
    found += [Exclusion(architecture=a, reason="the kernel is for another architecture") for a in others]
    for declared in context.driver_version:
        driver = lock.drivers[driver_key(declared, coming.architecture)]
        missing = [t for t in context.module_type if t not in driver.modules]
        found += _left_out((driver.version, t) for t in missing)
    return found


def _left_out(modules: Iterable[tuple[str, ModuleType]]) -> list[Exclusion]:
    reason = "they are not compiled for this kernel"
    return [Exclusion(driver_version=driver, module_type=t, reason=reason) for driver, t in modules]


def names_kernel(rule: Exclusion) -> bool:
    """Return whether an exclusion is one of a kernel or a range of kernels."""
    return bool(rule.kernel or rule.kernel_release)


def excluded_for(component: Component, combination: Combination, module_type: ModuleType) -> str:
    """Return the reason of the component's exclusion, by kernel, of the modules of a coming combination; "" for none."""
    rules = (rule for rule in component.context.exclude if names_kernel(rule))
    return next((rule.reason for rule in rules if is_excluded_by(rule, combination, module_type)), "")


def _needed(entries: Mapping[str, _Entry], declared: Iterable[str]) -> dict[str, _Entry]:
    return {key: entries[key] for key in declared if key in entries}
