"""Edits that add, promote, replace or retire a release or driver. They are pure: text in, text out.

A retired entry stays as a comment with the date. An entry beyond the policy displaces the oldest one: a canary or previous
release is retired, a current one becomes previous.
"""

import re
from dataclasses import dataclass, replace

from lifecycle.config.component import Channel, Component, Release, parse_component
from lifecycle.config.versions import version_key
from lifecycle.errors import UsageError
from lifecycle.versions.image_versions_edit import infer_builder, with_builder, without_builder
from lifecycle.yamledit.own_files import OwnFile

_RELEASES, _DRIVERS = ("context", "releases"), ("context", "driverVersion")
_NEXT_CHANNEL = {Channel.CANARY: Channel.CURRENT, Channel.CURRENT: Channel.PREVIOUS}
_FAMILY = re.compile(r"[a-z]+")


class AlreadyDeclaredError(UsageError):
    """A release or driver to add that is declared already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"component.yaml has {name} already: `invoke matrix` shows it")


class NotDeclaredError(UsageError):
    """A release or driver to change that is not declared."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"component.yaml has no {name!r}: it has {', '.join(known)}")


class CannotRetireLastError(UsageError):
    """A release or driver to retire that is the only one declared."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the only one: add another before you retire it")


class InvalidReleaseError(UsageError):
    """Options that no release can have."""

    def __init__(self, name: str, *, channel: str, kernel: str, flavour: str) -> None:
        super().__init__(
            f"no release can be called {name!r} with --channel {channel!r} --kernel {kernel!r} --flavour {flavour!r}: "
            f"write a name like gardenlinux-1592.10, a channel out of {', '.join(Channel)}, a kernel `newest` or like "
            "6.6.71-cloud-amd64, and a flavour like cloud"
        )


class LastChannelError(UsageError):
    """A release to promote that is in the last channel."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is in the last channel, previous: run `invoke retire {name}` to remove it")


@dataclass(frozen=True, kw_only=True)
class ProjectFiles:
    """The texts of the two files, and the log of the edits, a sentence each."""

    component: OwnFile
    images: str
    log: tuple[str, ...] = ()

    @property
    def parsed(self) -> Component:
        """The parsed component.yaml. Raises ConfigurationError."""
        return parse_component(self.component.text, file=self.component.file)

    def with_edit(self, component: OwnFile, sentence: str, *, images: str | None = None) -> "ProjectFiles":
        """Return the edited files, with a sentence added to the log. Without `images`, image_versions stays."""
        return replace(
            self, component=component, images=self.images if images is None else images, log=(*self.log, sentence)
        )


def family_of(release: str) -> str:
    """Return the family of a release: `gardenlinux` for `gardenlinux-1592.10`."""
    match = _FAMILY.match(release)
    return match[0] if match else release


def new_release(name: str, *, channel: str, kernel: str, flavour: str) -> Release:
    """Return a release with the options of a command. Raises InvalidReleaseError."""
    try:
        return Release(name=name, kernel_flavour=flavour, channel=Channel(channel), kernel=kernel)
    except ValueError as error:
        raise InvalidReleaseError(name, channel=channel, kernel=kernel, flavour=flavour) from error


def add_release(files: ProjectFiles, release: Release, *, builder: str, date: str) -> ProjectFiles:
    """Add a release. `builder` is an image reference, or "" for the one that its source declares, or that of its newest sibling.

    Raises AlreadyDeclaredError, NoBuilderError, NotEditableError.
    """
    component = files.parsed
    if release.name in _names(component):
        raise AlreadyDeclaredError(release.name)
    reference = builder or _builder_for(files, release.name)
    return _append_release(_displace_oldest(files, family_of(release.name), release.channel, date), release, reference)


def _append_release(files: ProjectFiles, release: Release, reference: str) -> ProjectFiles:
    fields = {"name": release.name, "kernelFlavour": release.kernel_flavour, "channel": str(release.channel)}
    if release.kernel != "newest":
        fields["kernel"] = release.kernel
    line = "- {" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}"
    images = with_builder(files.images, release.name, reference)
    sentence = f"added {release.name} to the channel {release.channel}, built in {reference}"
    return files.with_edit(files.component.append(_RELEASES, line, fields), sentence, images=images)


def add_driver(files: ProjectFiles, version: str, *, date: str) -> ProjectFiles:
    """Add a driver version or branch; retire the oldest beyond the policy. Raises AlreadyDeclaredError, NotEditableError."""
    declared = files.parsed.context.driver_version
    if version in declared:
        raise AlreadyDeclaredError(f"driver {version}")
    files = files.with_edit(files.component.append(_DRIVERS, f"- {version}", version), f"added driver {version}")
    while len(files.parsed.context.driver_version) > files.parsed.policy.drivers:
        others = [known for known in files.parsed.context.driver_version if known != version]
        files = _retire_driver(files, min(others, key=version_key), date)
    return files


def replace_driver(files: ProjectFiles, old: str, new: str, *, date: str) -> ProjectFiles:
    """Add a driver version and retire the old one. Raises NotEditableError."""
    added = files.with_edit(files.component.append(_DRIVERS, f"- {new}", new), f"added driver {new}")
    return _retire_driver(added, old, date)


def replace_release(files: ProjectFiles, old: str | None, new: Release, *, date: str) -> ProjectFiles:
    """Add a release and retire the old one, or, if `old` is None, the one that it displaces from its channel.

    Raises NoBuilderError, NotEditableError, and without `old` AlreadyDeclaredError.
    """
    if old is None:
        return add_release(files, new, builder="", date=date)
    component = files.parsed
    reference = _builder_for(files, new.name)
    files = _append_release(files, new, reference)
    return _retire_release(files, old, date) if old in _names(component) else files


def set_kernel(files: ProjectFiles, name: str, kernel: str) -> ProjectFiles:
    """Set the exact kernel of a release. Raises NotDeclaredError, NotEditableError."""
    names = _names(files.parsed)
    if name not in names:
        raise NotDeclaredError(name, names)
    edited = files.component.set((*_RELEASES, names.index(name), "kernel"), kernel)
    return files.with_edit(edited, f"moved {name} to kernel {kernel}")


def promote(files: ProjectFiles, name: str, *, date: str) -> ProjectFiles:
    """Move a release to its next channel: canary, current, previous.

    Raises NotDeclaredError, LastChannelError, NotEditableError.
    """
    release = next((release for release in files.parsed.context.releases if release.name == name), None)
    if release is None:
        raise NotDeclaredError(name, _names(files.parsed))
    if release.channel not in _NEXT_CHANNEL:
        raise LastChannelError(name)
    return _move(files, name, _NEXT_CHANNEL[release.channel], date)


def retire(files: ProjectFiles, name: str, *, date: str) -> ProjectFiles:
    """Comment out a driver, or a release and its builder.

    Raises NotDeclaredError, CannotRetireLastError, NotEditableError.
    """
    component = files.parsed
    if name in component.context.driver_version:
        return _retire_driver(files, name, date)
    if name in _names(component):
        return _retire_release(files, name, date)
    raise NotDeclaredError(name, [*_names(component), *component.context.driver_version])


def _names(component: Component) -> list[str]:
    return [release.name for release in component.context.releases]


def _displace_oldest(files: ProjectFiles, family: str, channel: Channel, date: str) -> ProjectFiles:
    """Displace the oldest release of a family if the channel is full."""
    members = [r.name for r in files.parsed.context.releases if r.channel is channel and family_of(r.name) == family]
    if len(members) < files.parsed.policy.releases_per_channel:
        return files
    oldest = min(members, key=version_key)
    if channel is Channel.CURRENT:
        return _move(files, oldest, Channel.PREVIOUS, date)
    return _retire_release(files, oldest, date)


def _move(files: ProjectFiles, name: str, channel: Channel, date: str) -> ProjectFiles:
    files = _displace_oldest(files, family_of(name), channel, date)
    index = _names(files.parsed).index(name)
    edited = files.component.set((*_RELEASES, index, "channel"), str(channel))
    return files.with_edit(edited, f"moved {name} to the channel {channel}")


def _retire_release(files: ProjectFiles, name: str, date: str) -> ProjectFiles:
    names = _names(files.parsed)
    if len(names) == 1:
        raise CannotRetireLastError(name)
    edited = files.component.comment_out((*_RELEASES, names.index(name)), f"retired {date}")
    return files.with_edit(edited, f"retired {name}", images=without_builder(files.images, name))


def _builder_for(files: ProjectFiles, name: str) -> str:
    component = files.parsed
    siblings = [other for other in _names(component) if family_of(other) == family_of(name)]
    declared = component.sources.builder(name, component.context.architecture[0])
    return infer_builder(files.images, name, siblings, declared)


def _retire_driver(files: ProjectFiles, version: str, date: str) -> ProjectFiles:
    declared = files.parsed.context.driver_version
    if len(declared) == 1:
        raise CannotRetireLastError(f"driver {version}")
    edited = files.component.comment_out((*_DRIVERS, declared.index(version)), f"retired {date}")
    return files.with_edit(edited, f"retired driver {version}")
