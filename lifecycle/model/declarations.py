"""What a checkout declares, and what of versions.lock answers it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from lifecycle.errors import UsageError
from lifecycle.model.component import Component
from lifecycle.model.digest import digest_of, short
from lifecycle.model.image_versions import RUNTIME, Base, builder_name
from lifecycle.model.lock import LockedBase, LockedDriver, LockedKernel
from lifecycle.model.matrix import NotLockedError
from lifecycle.model.project import Project
from lifecycle.model.schema import Architecture
from lifecycle.model.sources import (
    AptRepository,
    AptSource,
    DirectorySource,
    PackagedDriver,
    PackageSource,
    RunfileDriver,
    SwiftSource,
)

AnySource: TypeAlias = PackageSource | RunfileDriver
SourceT_co = TypeVar("SourceT_co", bound=AnySource | None, covariant=True)
SourceT = TypeVar("SourceT", bound=AnySource | None)
Entry = TypeVar("Entry", LockedKernel, LockedDriver, LockedBase)


@dataclass(frozen=True, kw_only=True)
class Declaration(Generic[SourceT_co]):
    """What has to be resolved: its key in the lock, the digest of all that decides the answer, and who is asked.

    `source` is None for a base that is pulled.
    """

    key: str
    digest: str
    architecture: Architecture
    source: SourceT_co


def kernel_declarations(project: Project) -> dict[str, Declaration[PackageSource]]:
    """One a release and architecture."""
    component = project.component
    return {
        key: _declare(
            key,
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
        for key in [f"{release.name}/{architecture}"]
    }


def driver_declarations(project: Project) -> dict[str, Declaration[AnySource]]:
    """One an entry of driverVersion and architecture."""
    component = project.component
    return {
        key: _declare(key, architecture, source, declared, *parts)
        for declared in component.context.driver_version
        for architecture in component.context.architecture
        for source, parts in [_driver_source(component, declared, architecture)]
        for key in [f"{declared}/{architecture}"]
    }


def _driver_source(
    component: Component, declared: str, architecture: Architecture
) -> tuple[AnySource, Sequence[object]]:
    """Who is asked for a driver, and what else decides the answer."""
    driver = component.driver_source_of(declared)
    packages = component.sources.packages.for_architecture(architecture)
    types = component.context.module_type
    if isinstance(driver, PackagedDriver):
        modules = {str(module_type): packages.modules.get(module_type) for module_type in types}
        return component.source_of(driver.release), [modules, packages.userspace, packages.companions]
    return driver, [list(types)]


def base_declarations(project: Project) -> dict[str, Declaration[AptSource | None]]:
    """One a builder, of the first architecture that is declared: it is what compiles; and a runtime an architecture."""
    context = project.component.context
    bases = {builder_name(r.name): (project.images.builder(r.name), context.architecture[0]) for r in context.releases}
    for architecture in context.architecture:
        bases[project.runtime_name(architecture)] = (project.images.runtime(), architecture)
    declarations = {}
    for name, (base, architecture) in bases.items():
        source = _base_source(project, base)
        packages = base_packages(project, base, architecture) if base.release else []
        declarations[name] = _declare(name, architecture, source, base.reference, packages)
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
            f"APT archive says what a base needs: name a release of kind apt, or an image to pull"
        )
    return source


def base_packages(project: Project, base: Base, architecture: Architecture) -> list[str]:
    """The packages that a bootstrapped base is made of, before their dependencies: a builder's with what crosses over."""
    if base.name == RUNTIME:
        return project.runtime_packages.included([architecture])
    return project.builder_packages.included(project.component.context.architecture)


def _declare(key: str, architecture: Architecture, source: SourceT, *parts: object) -> Declaration[SourceT]:
    digest = short(digest_of([str(architecture), _decisive(source), *parts]))
    return Declaration(key=key, digest=digest, architecture=architecture, source=source)


def _decisive(source: AnySource | None) -> object:
    """What of a source decides which files it means."""
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


def unanswered(declared: Mapping[str, Declaration[AnySource | None]], locked: Mapping[str, Entry]) -> list[str]:
    """The keys that the lock has no answer for, or an answer to another declaration."""
    return [key for key, d in declared.items() if key not in locked or locked[key].declaration != d.digest]


def check_answered(project: Project) -> None:
    """Raise NotLockedError unless the lock answers every kernel, driver and base as they are declared now."""
    missing = [f"a kernel of {key}" for key in unanswered(kernel_declarations(project), project.lock.kernels)]
    missing += [f"driver {key}" for key in unanswered(driver_declarations(project), project.lock.drivers)]
    missing += [f"base {key}" for key in unanswered(base_declarations(project), project.lock.bases)]
    if missing:
        raise NotLockedError(missing)


def is_answer(project: Project) -> bool:
    """Whether the lock answers all that is declared, as it is declared now, and nothing else: asking would not change it."""
    lock = project.lock
    return (
        _is_answered(kernel_declarations(project), lock.kernels)
        and _is_answered(driver_declarations(project), lock.drivers)
        and _is_answered(base_declarations(project), lock.bases)
    )


def _is_answered(declared: Mapping[str, Declaration[AnySource | None]], locked: Mapping[str, Entry]) -> bool:
    return declared.keys() == locked.keys() and not unanswered(declared, locked)


def apt_repositories(component: Component) -> list[AptRepository]:
    """Every APT repository of component.yaml: of families those of their releases, and those that `mirrorOf` names."""
    sources: list[PackageSource | None] = [component.source_of(release.name) for release in component.context.releases]
    sources += component.sources.releases.values()
    sources += [source.mirror_of for source in sources if isinstance(source, SwiftSource)]
    return [repository for source in sources if isinstance(source, AptSource) for repository in source.repositories]
