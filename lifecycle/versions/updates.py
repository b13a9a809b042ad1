"""The comparison of a component with the versions available, and the edits that update it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from lifecycle.config.component import NEWEST, Channel, Component, Release
from lifecycle.config.lock import Lock, driver_key, kernel_key
from lifecycle.config.versions import DRIVER_BRANCH, driver_branch, version_key
from lifecycle.planning.project import Project
from lifecycle.versions import edits
from lifecycle.versions.edits import ProjectFiles, family_of, new_release

# An end of life is listed this many days before.
_WARN_DAYS = 90


class OutdatedKind(StrEnum):
    """The kind of an outdated item. The values are words for people, and part of the JSON."""

    KERNEL = "kernel"
    DRIVER = "driver"
    BRANCH = "driver branch"
    RELEASE = "release"
    END_OF_LIFE = "end of life"


@dataclass(frozen=True)
class AvailableKernel:
    """The newest kernel of a release: its `uname -r`, and the version of its headers package."""

    release: str
    package: str


@dataclass(frozen=True, kw_only=True)
class AvailableVersions:
    """The newest kernel by release, driver versions by branch (`*`: all other branches), and releases by family."""

    kernels: Mapping[str, AvailableKernel]
    drivers: Mapping[str, tuple[str, ...]]
    releases: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class OutdatedItem:
    """A declared or missing version that is not the newest, or a subject near its end of life.

    `edit` updates it in the files. It is None if resolving again is enough, or if no edit can help.
    """

    kind: OutdatedKind
    subject: str
    current: str
    available: str
    edit: Callable[[ProjectFiles], ProjectFiles] | None = None


def find_outdated(project: Project, available: AvailableVersions, today: date) -> list[OutdatedItem]:
    """Return the outdated items of a project, grouped by kind."""
    component = project.component
    return [
        *_kernels(component, project.lock, available),
        *_drivers(component, project.lock, available, today),
        *_branches(component, available, today),
        *_releases(component, available, today),
        *_ends_of_life(component, today),
    ]


def _kernels(component: Component, lock: Lock, available: AvailableVersions) -> Iterator[OutdatedItem]:
    for release in component.context.releases:
        newest = available.kernels[release.name]
        locked = lock.kernels.get(kernel_key(release.name, component.context.architecture[0]))
        if locked is None:
            continue
        package = next((f.version for f in locked.headers if f.name.endswith(locked.release)), "")
        if (locked.release, package) != (newest.release, newest.package):
            yield OutdatedItem(
                kind=OutdatedKind.KERNEL,
                subject=release.name,
                current=f"{locked.release} ({package})",
                available=f"{newest.release} ({newest.package})",
                edit=None if release.kernel == NEWEST else _set_kernel(release.name, newest.release),
            )


def _set_kernel(name: str, kernel: str) -> Callable[[ProjectFiles], ProjectFiles]:
    return lambda files: edits.set_kernel(files, name, kernel)


def _drivers(component: Component, lock: Lock, available: AvailableVersions, today: date) -> Iterator[OutdatedItem]:
    """Yield newer versions of the declared branches. Of two versions of a branch, the older one is kept on purpose."""
    newest_of = {driver_branch(v): v for v in sorted(component.context.driver_version, key=version_key)}
    for branch, declared in newest_of.items():
        newest = _newest(available, branch)
        locked = lock.drivers.get(driver_key(declared, component.context.architecture[0]))
        if newest is None or locked is None or version_key(newest) <= version_key(locked.version):
            continue
        edit = None if DRIVER_BRANCH.fullmatch(declared) else _replace_driver(declared, newest, today)
        yield OutdatedItem(
            kind=OutdatedKind.DRIVER, subject=branch, current=locked.version, available=newest, edit=edit
        )


def _replace_driver(old: str, new: str, today: date) -> Callable[[ProjectFiles], ProjectFiles]:
    return lambda files: edits.replace_driver(files, old, new, date=today.isoformat())


def _newest(available: AvailableVersions, branch: str) -> str | None:
    versions = available.drivers.get(branch, available.drivers.get("*", ()))
    return next((version for version in versions if driver_branch(version) == branch), None)


def _branches(component: Component, available: AvailableVersions, today: date) -> Iterator[OutdatedItem]:
    """Yield undeclared branches among the newest ones, as many as the policy keeps."""
    own = {branch for branch in available.drivers if branch != "*"}
    offered = own & {driver_branch(v) for branch in own for v in available.drivers[branch]}
    offered |= {driver_branch(v) for v in available.drivers.get("*", ())} - own
    declared = {driver_branch(version) for version in component.context.driver_version}
    kept = sorted(offered | declared, reverse=True)[: component.policy.drivers]
    for branch in sorted(set(kept) & offered - declared):
        newest = _newest(available, branch)
        if newest is not None:
            edit = _add_driver(newest, today)
            yield OutdatedItem(kind=OutdatedKind.BRANCH, subject=branch, current="", available=newest, edit=edit)


def _add_driver(version: str, today: date) -> Callable[[ProjectFiles], ProjectFiles]:
    return lambda files: edits.add_driver(files, version, date=today.isoformat())


def next_releases(
    component: Component, offered: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, Release | None, str]]:
    """Yield the family, the declared release and the newest one, of each major version that has a newer one than is declared.

    A newer major version has no declared release. `offered` are the releases of each family.
    """
    for family, names in offered.items():
        declared = [release for release in component.context.releases if release.name.startswith(family[:-1])]
        newest_declared = {_major(r.name): r for r in sorted(declared, key=lambda r: version_key(r.name))}
        newest: dict[int, str] = {}
        for name in sorted(names, key=version_key):
            newest[_major(name)] = name
        for major, name in newest.items():
            old = newest_declared.get(major)
            if old is None and major < max(newest_declared):
                continue
            if old is None or version_key(name) > version_key(old.name):
                yield family, old, name


def _releases(component: Component, available: AvailableVersions, today: date) -> Iterator[OutdatedItem]:
    """Yield the newest release of each declared major version, and of each newer major version."""
    for family, old, name in next_releases(component, available.releases):
        like = old or [r for r in component.context.releases if r.name.startswith(family[:-1])][-1]
        yield OutdatedItem(
            kind=OutdatedKind.RELEASE,
            subject=family,
            current=old.name if old else "",
            available=name,
            edit=_add_release(name, like, old, today),
        )


def _major(release: str) -> int:
    return version_key(release.removeprefix(family_of(release)))[0]


def _add_release(name: str, like: Release, old: Release | None, today: date) -> Callable[[ProjectFiles], ProjectFiles]:
    """Return the edit that replaces the release of the same major version, or adds one of a new major version as a canary."""
    channel = old.channel if old else Channel.CANARY
    new = new_release(name, channel=channel, kernel=NEWEST, flavour=like.kernel_flavour)
    return lambda files: edits.replace_release(files, old.name if old else None, new, date=today.isoformat())


def _ends_of_life(component: Component, today: date) -> Iterator[OutdatedItem]:
    ends = {f"driver {v}": component.driver_source_of(v).end_of_life for v in component.context.driver_version}
    ends |= {r.name: component.source_of(r.name).end_of_life for r in component.context.releases}
    for subject, end in ends.items():
        if end and (end - today).days <= _WARN_DAYS:
            phrase = "has ended" if end < today else "ends soon"
            yield OutdatedItem(
                kind=OutdatedKind.END_OF_LIFE, subject=subject, current=f"{end.isoformat()} ({phrase})", available=""
            )
