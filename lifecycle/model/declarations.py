"""What a checkout declares, and what of versions.lock answers it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lifecycle.errors import UsageError
from lifecycle.model.component import AptRepository, Architecture
from lifecycle.model.digest import digest_of, short
from lifecycle.model.image_versions import RUNTIME, Base, builder_name
from lifecycle.model.lock import LockedBase, LockedDriver, LockedFile, LockedKernel
from lifecycle.model.matrix import Combination, NotLockedError
from lifecycle.model.project import Project
from lifecycle.model.versions import driver_branch

Entry = TypeVar("Entry", LockedKernel, LockedDriver, LockedBase)


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What has to be resolved: its key in the lock, the digest of all that decides the answer, and how to get it."""

    key: str
    digest: str
    architecture: Architecture
    repositories: tuple[AptRepository, ...]


def kernel_declarations(project: Project) -> dict[str, Declaration]:
    """One a release and architecture."""
    component = project.component
    return {
        key: _declare(
            key,
            architecture,
            tuple(component.sources.releases[release.name].repositories),
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


def driver_declarations(project: Project) -> dict[str, Declaration]:
    """One an entry of driverVersion and architecture."""
    component = project.component
    packages = component.sources.packages
    return {
        key: _declare(
            key,
            architecture,
            tuple(component.sources.releases[component.sources.drivers[driver_branch(declared)].release].repositories),
            declared,
            {str(module_type): packages.modules.get(module_type) for module_type in component.context.module_type},
            packages.userspace,
            packages.companions,
        )
        for declared in component.context.driver_version
        for architecture in component.context.architecture
        for key in [f"{declared}/{architecture}"]
    }


def base_declarations(project: Project) -> dict[str, Declaration]:
    """One a base that the releases need. A base's architecture is the first that is declared: it is what compiles."""
    component = project.component
    names = [*(builder_name(release.name) for release in component.context.releases), RUNTIME]
    bases = [project.images.builder(release.name) for release in component.context.releases]
    bases.append(project.images.runtime())
    architecture = component.context.architecture[0]
    declarations = {}
    for name, base in zip(names, bases, strict=True):
        repositories = _base_repositories(project, base)
        packages = list(base_packages(project, base)) if base.release else []
        declarations[name] = _declare(name, architecture, repositories, base.reference, packages)
    return declarations


def _base_repositories(project: Project, base: Base) -> tuple[AptRepository, ...]:
    if base.release is None:
        return ()
    if base.release not in project.component.sources.releases:
        raise UsageError(
            f"{project.images.file}: {base.name}={base.reference}: component.yaml has no release {base.release!r} "
            f"under sources.releases: it has {', '.join(project.component.sources.releases)}"
        )
    return tuple(project.component.sources.releases[base.release].repositories)


def base_packages(project: Project, base: Base) -> Sequence[str]:
    """The packages that a bootstrapped base is made of, before their dependencies."""
    return (project.runtime_packages if base.name == RUNTIME else project.builder_packages).include


def _declare(
    key: str, architecture: Architecture, repositories: tuple[AptRepository, ...], *parts: object
) -> Declaration:
    plain = [str(architecture), [r.model_dump(mode="json", exclude_none=True) for r in repositories], *parts]
    return Declaration(key=key, digest=short(digest_of(plain)), architecture=architecture, repositories=repositories)


def unanswered(declared: Mapping[str, Declaration], locked: Mapping[str, Entry]) -> list[str]:
    """The keys that the lock has no answer for, or an answer to another declaration."""
    return [key for key, d in declared.items() if key not in locked or locked[key].declaration != d.digest]


def check_answered(project: Project) -> None:
    """Raise NotLockedError unless the lock answers every kernel, driver and base as they are declared now."""
    missing = [f"a kernel of {key}" for key in unanswered(kernel_declarations(project), project.lock.kernels)]
    missing += [f"driver {key}" for key in unanswered(driver_declarations(project), project.lock.drivers)]
    missing += [f"base {key}" for key in unanswered(base_declarations(project), project.lock.bases)]
    if missing:
        raise NotLockedError(missing)


def bases_of(combinations: Iterable[Combination]) -> list[str]:
    """The names, in image_versions, of the bases that combinations need, each once."""
    return list(dict.fromkeys([RUNTIME, *(builder_name(combination.release) for combination in combinations)]))


def kernel_images_of(project: Project, combinations: Sequence[Combination]) -> list[LockedFile]:
    """The files of the kernels that combinations are for, each once: what their tests boot."""
    kernels = [project.lock.kernels[f"{c.release}/{c.architecture}"] for c in combinations]
    return list({file.sha256: file for kernel in kernels for file in kernel.image}.values())


def files_of(project: Project, combinations: Sequence[Combination]) -> list[LockedFile]:
    """The files that combinations need to be built, each once: headers, module sources, user space, bases."""
    lock = project.lock
    files: dict[str, LockedFile] = {}
    for combination in combinations:
        driver = lock.drivers[f"{combination.declared_driver}/{combination.architecture}"]
        needed = [*lock.kernels[f"{combination.release}/{combination.architecture}"].headers, *driver.userspace]
        for module_type in combination.module_types:
            needed += driver.modules[module_type]
        files.update((file.sha256, file) for file in needed)
    for name in bases_of(combinations):
        files.update((file.sha256, file) for file in lock.bases[name].packages)
    return list(files.values())
