"""The next releases of a family, such as Garden Linux's next versions, as sources of kernels to come."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from lifecycle.app.session import Session
from lifecycle.config.component import NEWEST, Component, Release
from lifecycle.config.image_versions import Base, builder_name
from lifecycle.config.lock import LockedBase
from lifecycle.config.package_sources import AptSource
from lifecycle.errors import InstallerError
from lifecycle.planning.declarations import Declaration, base_declarations
from lifecycle.planning.locked_project import LockedProject, replace_lock
from lifecycle.planning.project import Project
from lifecycle.radar.coming import ComingSource
from lifecycle.versions.available import AvailabilityReader
from lifecycle.versions.updates import next_releases

ResolveBase = Callable[[Project, Declaration[AptSource | None]], LockedBase]


def next_sources(
    component: Component, offered: Mapping[str, tuple[str, ...]], releases: Collection[str]
) -> list[ComingSource]:
    """Return the source of each release that replaces one of some declared releases. Pure.

    `offered` are the releases of each family. A release whose source names no builder is left out.
    """
    found = []
    for _, old, name in next_releases(component, offered):
        if old and old.name in releases and component.sources.builder(name, component.context.architecture[0]):
            new = Release(name=name, kernel_flavour=old.kernel_flavour, channel=old.channel, kernel=NEWEST)
            source = component.source_of(name)
            found.append(ComingSource(release=new, source=source, builder=name, own=True, replaces=old.name))
    return found


def with_builder(project: LockedProject, source: ComingSource, resolve: ResolveBase) -> LockedProject:
    """Return a project with the builder of a next release, resolved by `resolve`, which pulls it. Raises what that raises."""
    component, name = project.component, builder_name(source.release.name)
    reference = str(component.sources.builder(source.release.name, project.build_architecture))
    images = replace(project.images, bases={**project.images.bases, name: Base(name=name, reference=reference)})
    context = component.context.model_copy(update={"releases": [source.release]})
    declared = replace(project, images=images, component=component.model_copy(update={"context": context}))
    base = resolve(declared, base_declarations(declared)[name])
    lock = project.lock.model_copy(update={"bases": {**project.lock.bases, name: base}})
    return replace_lock(replace(project, images=images), lock)


# ----- effects


def find_next_releases(
    session: Session, releases: Sequence[str], *, dry_run: bool
) -> tuple[LockedProject, list[ComingSource], list[str]]:
    """Return the project with the builders of next releases, their sources, and a sentence for each that cannot be judged."""
    project, sources, found = session.locked_project, session.sources, list[ComingSource]()
    if all(name in project.component.sources.releases for name in releases):
        return project, [], []
    reader = AvailabilityReader.of(sources, session.progress.say)
    try:
        nexts = next_sources(project.component, reader.releases(project.component), releases)
    except InstallerError as error:
        return project, [], [f"next releases: {error.brief}"]
    missing = []
    for source in nexts:
        if dry_run:
            missing.append(f"{source.release.name}: its builder is pulled by a real run only")
            continue
        try:
            project = with_builder(project, source, sources.resolver.base)
            found.append(source)
        except InstallerError as error:
            missing.append(f"{source.release.name}: {error.brief}")
    return project, found, missing
