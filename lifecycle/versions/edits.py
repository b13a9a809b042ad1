"""Changes of component.yaml and image_versions: a release or driver added, promoted or retired. Pure: text in, text out.

What is retired stays as a comment with the date. One more than the policy allows displaces the oldest: a canary is retired, a
current release becomes previous, a previous one is retired.
"""

import re
from dataclasses import dataclass, replace

from lifecycle.config.component import Channel, Component, Release, parse_component
from lifecycle.config.versions import version_key
from lifecycle.errors import UsageError
from lifecycle.versions.image_versions_edit import infer_builder, with_builder, without_builder
from lifecycle.yamledit.own_files import OwnFile

_RELEASES, _DRIVERS = ("context", "releases"), ("context", "driverVersion")
_NEXT = {Channel.CANARY: Channel.CURRENT, Channel.CURRENT: Channel.PREVIOUS}
_FAMILY = re.compile(r"[a-z]+")


class AlreadyDeclaredError(UsageError):
    """What is to be added stands there."""

    def __init__(self, what: str) -> None:
        super().__init__(f"component.yaml has {what} already: `invoke matrix` shows it")


class NotDeclaredError(UsageError):
    """What is to be changed does not stand there."""

    def __init__(self, what: str, known: list[str]) -> None:
        super().__init__(f"component.yaml has no {what!r}: it has {', '.join(known)}")


class CannotRetireLastError(UsageError):
    """What is to be retired is all there is."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is the only one: add another before you retire it")


class InvalidReleaseError(UsageError):
    """Words that describe no release."""

    def __init__(self, name: str, *, channel: str, kernel: str, flavour: str) -> None:
        super().__init__(
            f"no release can be called {name!r} with --channel {channel!r} --kernel {kernel!r} --flavour {flavour!r}: "
            f"a name is like gardenlinux-1592.10, a channel one of {', '.join(Channel)}, a kernel `newest` or like "
            "6.6.71-cloud-amd64, a flavour like cloud"
        )


class LastChannelError(UsageError):
    """A release that cannot be promoted any more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is in the channel previous already: what comes after is `invoke retire {name}`")


@dataclass(frozen=True, kw_only=True)
class ProjectFiles:
    """The two files' texts, and what was done to them, a sentence each."""

    component: OwnFile
    images: str
    done: tuple[str, ...] = ()

    @property
    def parsed(self) -> Component:
        """What component.yaml says; raises ConfigurationError."""
        return parse_component(self.component.text, file=self.component.file)

    def and_then(self, component: OwnFile, done: str, *, images: str | None = None) -> "ProjectFiles":
        """The next state, with what was done."""
        return replace(
            self, component=component, images=self.images if images is None else images, done=(*self.done, done)
        )


def family_of(release: str) -> str:
    """What a release's versions have in common: `gardenlinux` of `gardenlinux-1592.10`."""
    match = _FAMILY.match(release)
    return match[0] if match else release


def new_release(name: str, *, channel: str, kernel: str, flavour: str) -> Release:
    """A release as the options of a command describe it; raises InvalidReleaseError for what none can have."""
    try:
        return Release(name=name, kernel_flavour=flavour, channel=Channel(channel), kernel=kernel)
    except ValueError as error:
        raise InvalidReleaseError(name, channel=channel, kernel=kernel, flavour=flavour) from error


def add_release(files: ProjectFiles, release: Release, *, builder: str, date: str) -> ProjectFiles:
    """Add a release; `builder` is an image reference, or "" for one like that of the newest of its family.

    Raises AlreadyDeclaredError, NoBuilderError, NotEditableError.
    """
    component = files.parsed
    if release.name in _names(component):
        raise AlreadyDeclaredError(release.name)
    reference = builder or _reference_for(files, release.name)
    return _append_release(_make_room(files, family_of(release.name), release.channel, date), release, reference)


def _append_release(files: ProjectFiles, release: Release, reference: str) -> ProjectFiles:
    fields = {"name": release.name, "kernelFlavour": release.kernel_flavour, "channel": str(release.channel)}
    if release.kernel != "newest":
        fields["kernel"] = release.kernel
    line = "- {" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}"
    images = with_builder(files.images, release.name, reference)
    done = f"added {release.name} to the channel {release.channel}, built in {reference}"
    return files.and_then(files.component.append(_RELEASES, line, fields), done, images=images)


def add_driver(files: ProjectFiles, version: str, *, date: str) -> ProjectFiles:
    """Add a driver version or branch; raises AlreadyDeclaredError, NotEditableError."""
    declared = files.parsed.context.driver_version
    if version in declared:
        raise AlreadyDeclaredError(f"driver {version}")
    files = files.and_then(files.component.append(_DRIVERS, f"- {version}", version), f"added driver {version}")
    while len(files.parsed.context.driver_version) > files.parsed.policy.drivers:
        others = [known for known in files.parsed.context.driver_version if known != version]
        files = _retire_driver(files, min(others, key=version_key), date)
    return files


def replace_driver(files: ProjectFiles, old: str, new: str, *, date: str) -> ProjectFiles:
    """Add a driver version in the stead of another, which is retired."""
    added = files.and_then(files.component.append(_DRIVERS, f"- {new}", new), f"added driver {new}")
    return _retire_driver(added, old, date)


def replace_release(files: ProjectFiles, old: str | None, new: Release, *, date: str) -> ProjectFiles:
    """Add a release in the stead of another, which is retired; without one it displaces the oldest of its channel."""
    if old is None:
        return add_release(files, new, builder="", date=date)
    component = files.parsed
    reference = _reference_for(files, new.name)
    files = _append_release(files, new, reference)
    return _retire_release(files, old, date) if old in _names(component) else files


def set_kernel(files: ProjectFiles, name: str, kernel: str) -> ProjectFiles:
    """Give a release another exact kernel; raises NotDeclaredError."""
    names = _names(files.parsed)
    if name not in names:
        raise NotDeclaredError(name, names)
    edited = files.component.set((*_RELEASES, names.index(name), "kernel"), kernel)
    return files.and_then(edited, f"moved {name} to kernel {kernel}")


def promote(files: ProjectFiles, name: str, *, date: str) -> ProjectFiles:
    """Move a release one channel on: canary, current, previous; raises NotDeclaredError, LastChannelError."""
    release = next((release for release in files.parsed.context.releases if release.name == name), None)
    if release is None:
        raise NotDeclaredError(name, _names(files.parsed))
    if release.channel not in _NEXT:
        raise LastChannelError(name)
    return _move(files, name, _NEXT[release.channel], date)


def retire(files: ProjectFiles, what: str, *, date: str) -> ProjectFiles:
    """Turn a release, and its builder, or a driver into comments; raises NotDeclaredError, CannotRetireLastError."""
    component = files.parsed
    if what in component.context.driver_version:
        return _retire_driver(files, what, date)
    if what in _names(component):
        return _retire_release(files, what, date)
    raise NotDeclaredError(what, [*_names(component), *component.context.driver_version])


def _names(component: Component) -> list[str]:
    return [release.name for release in component.context.releases]


def _make_room(files: ProjectFiles, family: str, channel: Channel, date: str) -> ProjectFiles:
    """Displace the oldest of a family in a channel that is full."""
    there = [r.name for r in files.parsed.context.releases if r.channel is channel and family_of(r.name) == family]
    if len(there) < files.parsed.policy.releases_per_channel:
        return files
    oldest = min(there, key=version_key)
    if channel is Channel.CURRENT:
        return _move(files, oldest, Channel.PREVIOUS, date)
    return _retire_release(files, oldest, date)


def _move(files: ProjectFiles, name: str, channel: Channel, date: str) -> ProjectFiles:
    files = _make_room(files, family_of(name), channel, date)
    index = _names(files.parsed).index(name)
    edited = files.component.set((*_RELEASES, index, "channel"), str(channel))
    return files.and_then(edited, f"moved {name} to the channel {channel}")


def _retire_release(files: ProjectFiles, name: str, date: str) -> ProjectFiles:
    names = _names(files.parsed)
    if len(names) == 1:
        raise CannotRetireLastError(name)
    edited = files.component.comment_out((*_RELEASES, names.index(name)), f"retired {date}")
    return files.and_then(edited, f"retired {name}", images=without_builder(files.images, name))


def _reference_for(files: ProjectFiles, name: str) -> str:
    siblings = [other for other in _names(files.parsed) if family_of(other) == family_of(name)]
    return infer_builder(files.images, name, siblings)


def _retire_driver(files: ProjectFiles, version: str, date: str) -> ProjectFiles:
    declared = files.parsed.context.driver_version
    if len(declared) == 1:
        raise CannotRetireLastError(f"driver {version}")
    edited = files.component.comment_out((*_DRIVERS, declared.index(version)), f"retired {date}")
    return files.and_then(edited, f"retired driver {version}")
