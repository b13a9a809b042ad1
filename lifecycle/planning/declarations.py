"""The declarations of a checkout: kernels, drivers and bases that are resolved and locked in versions.lock. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from lifecycle.config.component import Component
from lifecycle.config.image_versions import RUNTIME, Base, builder_name
from lifecycle.config.lock import LockedBase, LockedDriver, LockedKernel, driver_key, kernel_key
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.driver_sources import PackagedDriver, RedistributableDriver, RunfileDriver
from lifecycle.config.sources.package_sources import (
    AptRepository,
    AptSource,
    DirectorySource,
    PackageSource,
    SwiftSource,
)
from lifecycle.errors import UsageError
from lifecycle.planning.project import Project
from lifecycle.tools.digest import digest_of, short

AnySource: TypeAlias = PackageSource | RunfileDriver | RedistributableDriver
SourceT_co = TypeVar("SourceT_co", bound=AnySource | None, covariant=True)
SourceT = TypeVar("SourceT", bound=AnySource | None)
Entry = TypeVar("Entry", LockedKernel, LockedDriver, LockedBase)


@dataclass(frozen=True, kw_only=True)
class Declaration(Generic[SourceT_co]):
    """A declaration to resolve: its key in versions.lock, its name in component.yaml or image_versions, and its source.

    `digest` is that of everything that decides the result. `source` is None for a base that is pulled.
    """

    key: str
    name: str
    digest: str
    architecture: Architecture
    source: SourceT_co


def kernel_declarations(project: Project) -> dict[str, Declaration[PackageSource]]:
    """Return the declaration of a kernel for each release and architecture, by its key in versions.lock."""
    component = project.component
    return {
        key: _declare(
            key,
            release.name,
            architecture,
            component.source_of(release.name),
            release.kernel,
            release.kernel_flavour,
            component.sources.packages.headers,
            component.sources.packages.newest_headers,
            component.sources.packages.kernel_image,
        )
        for release in component.context.releases
        for architecture in component.context.architecture
        for key in [kernel_key(release.name, architecture)]
    }


def driver_declarations(project: Project) -> dict[str, Declaration[AnySource]]:
    """Return the declaration of a driver for each entry of driverVersion and architecture, by its key in versions.lock."""
    component = project.component
    return {
        key: _declare(key, declared, architecture, source, declared, *parts)
        for declared in component.context.driver_version
        for architecture in component.context.architecture
        for source, parts in [_driver_source(component, declared, architecture)]
        for key in [driver_key(declared, architecture)]
    }


def _driver_source(
    component: Component, declared: str, architecture: Architecture
) -> tuple[AnySource, Sequence[object]]:
    """Return the source of a driver, and everything else that decides the result."""
    driver = component.driver_source_of(declared)
    packages = component.sources.packages.for_architecture(architecture)
    types = component.context.module_type
    if isinstance(driver, PackagedDriver):
        modules = {str(module_type): packages.modules.get(module_type) for module_type in types}
        return component.source_of(driver.release), [modules, packages.userspace, packages.companions]
    return driver, [list(types)]


def base_declarations(project: Project) -> dict[str, Declaration[AptSource | None]]:
    """Return the declarations of all bases by their keys in versions.lock: a builder per release, a runtime per architecture.

    Builders are for the first declared architecture, which compiles for all. Raises UsageError for a base without a source.
    """
    context = project.component.context
    bases = {
        builder_name(r.name): (project.images.builder(r.name), project.build_architecture) for r in context.releases
    }
    for architecture in context.architecture:
        bases[project.runtime_name(architecture)] = (project.images.runtime(), architecture)
    declarations = {}
    for name, (base, architecture) in bases.items():
        source = _base_source(project, base)
        packages = base_packages(project, base, architecture) if base.release else []
        declarations[name] = _declare(name, name, architecture, source, base.reference, packages)
    return declarations


def _base_source(project: Project, base: Base) -> AptSource | None:
    if base.release is None:
        return None
    source = project.component.sources.release(base.release)
    if source is None:
        raise UsageError(
            f"{project.images.file}: {base.name}={base.reference}: component.yaml has no release {base.release!r} "
            f"under sources.releases: it has {', '.join(project.component.sources.releases)}"
        )
    if not isinstance(source, AptSource):
        raise UsageError(
            f"{project.images.file}: {base.name}={base.reference}: {base.release} comes from a {source.kind}, and only an "
            f"APT archive tells which packages a base needs: name a release of kind apt, or an image to pull"
        )
    return source


def base_packages(project: Project, base: Base, architecture: Architecture) -> list[str]:
    """Return the packages of a bootstrapped base, without their dependencies. A builder has those for all architectures."""
    if base.name == RUNTIME:
        return project.runtime_packages.included([architecture])
    return project.builder_packages.included(project.component.context.architecture)


def _declare(key: str, name: str, architecture: Architecture, source: SourceT, *parts: object) -> Declaration[SourceT]:
    digest = short(digest_of([str(architecture), _decisive(source), *parts]))
    return Declaration(key=key, name=name, digest=digest, architecture=architecture, source=source)


def _decisive(source: AnySource | None) -> object:
    """Return the part of a source that decides which files it has."""
    match source:
        case None:
            return []
        case AptSource():
            return [repository.model_dump(mode="json", exclude_none=True) for repository in source.repositories]
        case SwiftSource():
            return {"container": source.container, "prefix": source.prefix}
        case DirectorySource():
            return {"path": source.path}
        case RunfileDriver():
            return {"url": source.url, "fabric manager": source.fabric_manager}
        case RedistributableDriver():
            return {"index": source.folder, "fabric manager": source.fabric_manager}


def unresolved(declared: Mapping[str, Declaration[AnySource | None]], locked: Mapping[str, Entry]) -> list[str]:
    """Return the keys that versions.lock lacks, or whose entries are stale."""
    return [key for key, d in declared.items() if key not in locked or locked[key].declaration != d.digest]


def apt_repositories(component: Component) -> list[AptRepository]:
    """Return every APT repository of component.yaml, those of `mirrorOf` and of the releases of a family included."""
    sources: list[PackageSource | None] = [component.source_of(release.name) for release in component.context.releases]
    sources += component.sources.releases.values()
    sources += [source.mirror_of for source in sources if isinstance(source, SwiftSource)]
    return [repository for source in sources if isinstance(source, AptSource) for repository in source.repositories]
