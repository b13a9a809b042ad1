"""The mirror step: copies an OS release's kernel packages from its APT archive into its Swift container."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.config.component import Component, Release
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptSource, PackageSource, SwiftSource
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.download_locked import download_locked
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.resolve_packages import resolve_kernel
from lifecycle.sources.swift import SHA256_HEADER
from lifecycle.tools.terminal.progress import Progress


class ObjectStatus(StrEnum):
    """The state of an object in the container, compared with its file. The values are words for people."""

    MISSING = "not there"
    SAME = "there"
    UNVERIFIED = "there, without its sha256"
    DIFFERENT = "there, with other content"


@dataclass(frozen=True, kw_only=True)
class MirrorItem:
    """One file of the archive, its object in the container, and that object's status before copying."""

    file: LockedFile
    container: str
    name: str
    status: ObjectStatus


class NotMirroredError(UsageError):
    """A release whose source is not a Swift container with an archive to copy from."""

    def __init__(self, release: str, source: PackageSource | None) -> None:
        problem = "has no source" if source is None else f"has a source of kind {source.kind} without `mirrorOf`"
        super().__init__(
            f"component.yaml: sources.releases: {release} {problem}: "
            "give it a source of kind swift whose `mirrorOf` is an APT archive"
        )


class MirrorConflictError(InstallerError):
    """An object with other content under a file's name. It is not replaced, since some versions.lock may name it."""

    def __init__(self, items: Sequence[MirrorItem]) -> None:
        listed = "\n".join(f"  {item.container}/{item.name}" for item in items)
        super().__init__(
            "the container has other files under these names: nothing was copied",
            details=listed,
            resolution="Find out where they came from. If the archive's files are the right ones, delete these.",
        )


# ----- pure


def mirror_endpoints(component: Component, name: str) -> tuple[SwiftSource, AptSource]:
    """Return the container that a release's packages are copied to, and the archive they come from. Raises NotMirroredError."""
    source = component.sources.release(name)
    if not isinstance(source, SwiftSource) or source.mirror_of is None:
        raise NotMirroredError(name, source)
    return source, source.mirror_of


def mirrored_release(component: Component, name: str, *, kernel: str, flavour: str) -> Release:
    """Return a release as declared, or like the last declared one with the newest kernel. `kernel` and `flavour` override."""
    declared = {release.name: release for release in component.context.releases}
    like = declared.get(name, component.context.releases[-1])
    changes = {key: value for key, value in (("kernel", kernel), ("kernel_flavour", flavour)) if value}
    if name not in declared:
        changes = {"kernel": "newest", **changes}
    return like.model_copy(update={"name": name, **changes})


def object_status(file: LockedFile, headers: dict[str, str]) -> ObjectStatus:
    """Return the status of a file's object from the object's headers, which are empty if there is none."""
    if not headers:
        return ObjectStatus.MISSING
    stated = headers.get(SHA256_HEADER)
    if stated is None and int(headers["content-length"]) == file.size:
        return ObjectStatus.UNVERIFIED
    return ObjectStatus.SAME if stated == file.sha256 else ObjectStatus.DIFFERENT


# ----- effects


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """The copier of a release's kernel packages."""

    indexes: PackageIndexes
    progress: Progress

    def plan(self, component: Component, release: Release, architectures: Iterable[Architecture]) -> list[MirrorItem]:
        """Return the files that a release needs: its kernel and the kernel's headers, for each architecture.

        Raises NotMirroredError, PackageNotFoundError, SwiftRequestError, and what the archive raises.
        """
        target, archive = mirror_endpoints(component, release.name)
        files: dict[str, LockedFile] = {}
        for architecture in architectures:
            index = self.indexes.open_apt(archive, architecture)
            kernel = resolve_kernel(release, architecture, component.sources.packages, index, "")
            files.update((file.file_name, file) for file in [*kernel.headers, *kernel.image])
        return [self._item(file, target.container, f"{target.prefix}{name}") for name, file in sorted(files.items())]

    def _item(self, file: LockedFile, container: str, name: str) -> MirrorItem:
        headers = self.indexes.locations.swift.object_headers(container, name)
        return MirrorItem(file=file, container=container, name=name, status=object_status(file, dict(headers)))

    def run(self, items: Sequence[MirrorItem]) -> list[MirrorItem]:
        """Copy the missing files and return them. Objects without a recorded sha256 are compared with the downloaded file.

        Raises DownloadError, SwiftRequestError, and MirrorConflictError before anything is copied.
        """
        cache, swift = self.indexes.cache, self.indexes.locations.swift
        unconfirmed = [item for item in items if item.status is not ObjectStatus.SAME]
        files = [item.file for item in unconfirmed if item.status is not ObjectStatus.DIFFERENT]
        download_locked(files, self.indexes.locations, cache, self.progress)
        conflicts = [
            item
            for item in unconfirmed
            if item.status is ObjectStatus.DIFFERENT
            or (
                item.status is ObjectStatus.UNVERIFIED
                and swift.find_mismatch(item.container, item.name, cache.blob(item.file.sha256))
            )
        ]
        if conflicts:
            raise MirrorConflictError(conflicts)
        missing = [item for item in unconfirmed if item.status is ObjectStatus.MISSING]
        if missing:
            with self.progress.bytes(f"uploading {len(missing)} files", sum(i.file.size for i in missing)) as advance:
                for item in missing:
                    swift.upload(item.container, item.name, cache.blob(item.file.sha256), item.file.sha256)
                    advance(item.file.size)
        return missing
