"""The next releases of a family, such as Garden Linux's next versions, as sources of kernels to come."""

from collections.abc import Collection, Mapping, Sequence

from lifecycle.app.session import Session
from lifecycle.config.component import NEWEST, Component, Release
from lifecycle.errors import InstallerError
from lifecycle.radar.coming import ComingSource
from lifecycle.versions.available import AvailabilityReader
from lifecycle.versions.updates import next_releases


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


# ----- effects


def find_next_releases(session: Session, releases: Sequence[str]) -> tuple[list[ComingSource], list[str]]:
    """Return the sources of the next releases, and a sentence for each list of releases that cannot be read."""
    component = session.locked_project.component
    if all(name in component.sources.releases for name in releases):
        return [], []
    reader = AvailabilityReader.of(session.sources, session.progress.say)
    try:
        return next_sources(component, reader.releases(component), releases), []
    except InstallerError as error:
        return [], [f"next releases: {error.brief}"]
