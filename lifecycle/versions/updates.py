"""What a component lacks of what its sources offer, and what `invoke update` makes of that. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from lifecycle.config.component import NEWEST, Channel, Component, Release
from lifecycle.config.lock import Lock
from lifecycle.config.versions import DRIVER_BRANCH, driver_branch, version_key
from lifecycle.planning.project import Project
from lifecycle.versions import edits
from lifecycle.versions.edits import ProjectFiles, family_of, new_release

# An end of life is worth a line that long before.
_WARN_DAYS = 90


class OutdatedKind(StrEnum):
    """What a finding is about."""

    KERNEL = "kernel"
    DRIVER = "driver"
    BRANCH = "driver branch"
    RELEASE = "release"
    END_OF_LIFE = "end of life"


@dataclass(frozen=True)
class AvailableKernel:
    """A kernel: `uname -r`, and the version of its headers package."""

    release: str
    package: str


@dataclass(frozen=True, kw_only=True)
class AvailableVersions:
    """What there is: the newest kernel by release, versions by driver branch (`*`: the others), releases by family."""

    kernels: Mapping[str, AvailableKernel]
    drivers: Mapping[str, tuple[str, ...]]
    releases: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class OutdatedItem:
    """Something that the component does not have: `what` it is about, what it `has`, what is `offered`.

    `edit` is the change of the files that takes it; None where looking up the lock anew is enough, or nothing can be done.
    """

    topic: OutdatedKind
    what: str
    has: str
    offered: str
    edit: Callable[[ProjectFiles], ProjectFiles] | None = None


def find_outdated(project: Project, offers: AvailableVersions, today: date) -> list[OutdatedItem]:
    """Everything worth a line, by topic."""
    component = project.component
    return [
        *_kernels(component, project.lock, offers),
        *_drivers(component, project.lock, offers, today),
        *_branches(component, offers, today),
        *_releases(component, offers, today),
        *_ends_of_life(component, today),
    ]


def _kernels(component: Component, lock: Lock, offers: AvailableVersions) -> Iterator[OutdatedItem]:
    for release in component.context.releases:
        offer = offers.kernels[release.name]
        locked = lock.kernels.get(f"{release.name}/{component.context.architecture[0]}")
        if locked is None:
            continue
        package = next((f.version for f in locked.headers if f.name.endswith(locked.release)), "")
        if (locked.release, package) != (offer.release, offer.package):
            yield OutdatedItem(
                topic=OutdatedKind.KERNEL,
                what=release.name,
                has=f"{locked.release} ({package})",
                offered=f"{offer.release} ({offer.package})",
                edit=None if release.kernel == NEWEST else _set_kernel(release.name, offer.release),
            )


def _set_kernel(name: str, kernel: str) -> Callable[[ProjectFiles], ProjectFiles]:
    return lambda files: edits.set_kernel(files, name, kernel)


def _drivers(component: Component, lock: Lock, offers: AvailableVersions, today: date) -> Iterator[OutdatedItem]:
    """Newer versions of the branches that there are; of two of one branch the older one is kept on purpose."""
    newest_of = {driver_branch(v): v for v in sorted(component.context.driver_version, key=version_key)}
    for branch, declared in newest_of.items():
        newest = _newest(offers, branch)
        locked = lock.drivers.get(f"{declared}/{component.context.architecture[0]}")
        if newest is None or locked is None or version_key(newest) <= version_key(locked.version):
            continue
        edit = None if DRIVER_BRANCH.fullmatch(declared) else _replace_driver(declared, newest, today)
        yield OutdatedItem(topic=OutdatedKind.DRIVER, what=branch, has=locked.version, offered=newest, edit=edit)


def _replace_driver(old: str, new: str, today: date) -> Callable[[ProjectFiles], ProjectFiles]:
    return lambda files: edits.replace_driver(files, old, new, date=today.isoformat())


def _newest(offers: AvailableVersions, branch: str) -> str | None:
    versions = offers.drivers.get(branch, offers.drivers.get("*", ()))
    return next((version for version in versions if driver_branch(version) == branch), None)


def _branches(component: Component, offers: AvailableVersions, today: date) -> Iterator[OutdatedItem]:
    """Branches that are newer than the oldest of those that the policy would keep, and not declared."""
    own = {branch for branch in offers.drivers if branch != "*"}
    offered = own & {driver_branch(v) for branch in own for v in offers.drivers[branch]}
    offered |= {driver_branch(v) for v in offers.drivers.get("*", ())} - own
    declared = {driver_branch(version) for version in component.context.driver_version}
    kept = sorted(offered | declared, reverse=True)[: component.policy.drivers]
    for branch in sorted(set(kept) & offered - declared):
        newest = _newest(offers, branch)
        if newest is not None:
            edit = _add_driver(newest, today)
            yield OutdatedItem(topic=OutdatedKind.BRANCH, what=branch, has="", offered=newest, edit=edit)


def _add_driver(version: str, today: date) -> Callable[[ProjectFiles], ProjectFiles]:
    return lambda files: edits.add_driver(files, version, date=today.isoformat())


def _releases(component: Component, offers: AvailableVersions, today: date) -> Iterator[OutdatedItem]:
    """The newest release of each major version that there is or that is newer than all of them."""
    for family, offered in offers.releases.items():
        here = [release for release in component.context.releases if release.name.startswith(family[:-1])]
        newest_here = {_major(r.name): r for r in sorted(here, key=lambda r: version_key(r.name))}
        newest: dict[int, str] = {}
        for name in sorted(offered, key=version_key):
            newest[_major(name)] = name
        for major, name in newest.items():
            old = newest_here.get(major)
            if old is None and major < max(newest_here):
                continue
            if old is None or version_key(name) > version_key(old.name):
                like = old or here[-1]
                edit = _add_release(name, like, old, today)
                yield OutdatedItem(
                    topic=OutdatedKind.RELEASE, what=family, has=old.name if old else "", offered=name, edit=edit
                )


def _major(release: str) -> int:
    return version_key(release.removeprefix(family_of(release)))[0]


def _add_release(name: str, like: Release, old: Release | None, today: date) -> Callable[[ProjectFiles], ProjectFiles]:
    """A release of a major version that is there takes the old one's place; another one is tried as a canary."""
    channel = old.channel if old else Channel.CANARY
    new = new_release(name, channel=channel, kernel=NEWEST, flavour=like.kernel_flavour)
    return lambda files: edits.replace_release(files, old.name if old else None, new, date=today.isoformat())


def _ends_of_life(component: Component, today: date) -> Iterator[OutdatedItem]:
    ends = {f"driver {v}": component.driver_source_of(v).end_of_life for v in component.context.driver_version}
    ends |= {r.name: component.source_of(r.name).end_of_life for r in component.context.releases}
    for what, end in ends.items():
        if end and (end - today).days <= _WARN_DAYS:
            said = "has ended" if end < today else "ends soon"
            yield OutdatedItem(topic=OutdatedKind.END_OF_LIFE, what=what, has=f"{end.isoformat()} ({said})", offered="")
