"""The builders that compile for coming kernels, and that no declared release has: they are resolved in memory only."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from lifecycle.app.session import Session
from lifecycle.config.image_versions import Base, builder_name
from lifecycle.config.lock import LockedBase
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.errors import InstallerError
from lifecycle.planning.declarations import Declaration, base_declarations
from lifecycle.planning.locked_project import LockedProject, replace_lock
from lifecycle.planning.project import Project
from lifecycle.radar.coming import ComingKernel

ResolveBase = Callable[[Project, Declaration[AptSource | None]], LockedBase]


class PulledByRealRunError(InstallerError):
    """A builder that would have to be pulled in a dry run."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the builder {name} is pulled by a real run only")


def with_builder(project: LockedProject, coming: ComingKernel, resolve: ResolveBase) -> LockedProject:
    """Return a project with the builder of a kernel, which its release in component.yaml names.

    `resolve` finds the packages of the builder, or pulls it. Raises what that raises.
    """
    release = coming.origin.release.model_copy(update={"name": coming.origin.builder})
    name = builder_name(release.name)
    reference = str(project.component.sources.builder(release.name, project.build_architecture))
    images = replace(project.images, bases={**project.images.bases, name: Base(name=name, reference=reference)})
    context = project.component.context.model_copy(update={"releases": [release]})
    declared = replace(project, images=images, component=project.component.model_copy(update={"context": context}))
    base = resolve(declared, base_declarations(declared)[name])
    lock = project.lock.model_copy(update={"bases": {**project.lock.bases, name: base}})
    return replace_lock(replace(project, images=images), lock)


# ----- effects


def with_builders(
    session: Session, kernels: Sequence[ComingKernel], *, dry_run: bool
) -> tuple[LockedProject, list[ComingKernel], list[str]]:
    """Return the project with the builders of some kernels, the kernels that have one, and a sentence for each missing builder.

    A dry run pulls nothing.
    """
    project = session.locked_project

    def resolve(declared: Project, declaration: Declaration[AptSource | None]) -> LockedBase:
        if dry_run and declaration.source is None:
            raise PulledByRealRunError(declaration.name)
        return session.sources.resolver.base(declared, declaration)

    missing: dict[str, str] = {}
    for coming in kernels:
        name = coming.origin.builder
        if name in missing or builder_name(name) in project.lock.bases:
            continue
        try:
            project = with_builder(project, coming, resolve)
        except InstallerError as error:
            missing[name] = f"{coming.origin.release.name}: {coming.origin.name}: {error.brief}"
    return project, [coming for coming in kernels if coming.origin.builder not in missing], list(missing.values())
