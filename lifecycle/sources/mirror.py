"""mirror: an OS release's kernel packages from its APT archive into the Swift container that its source names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lifecycle.config.component import Component, Release
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources import AptSource, PackageSource, SwiftSource
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.download import Request, download_all
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.resolve_packages import resolve_kernel
from lifecycle.sources.swift import SHA256_HEADER
from lifecycle.tools.progress import Progress


class ObjectStatus(StrEnum):
    """What a file's object in the container is to it."""

    MISSING = "not there"
    SAME = "there"
    UNSTATED = "there, without its sha256"
    OTHER = "there, with other content"


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One file of the archive, and the object that it is to be."""

    file: LockedFile
    container: str
    name: str
    verdict: ObjectStatus


class NotMirroredError(UsageError):
    """A release whose source is not one that `invoke mirror` fills."""

    def __init__(self, release: str, source: PackageSource | None) -> None:
        what = "has no source" if source is None else f"has a source of kind {source.kind} without `mirrorOf`"
        super().__init__(
            f"component.yaml: sources.releases: {release} {what}: give it one of kind swift whose `mirrorOf` is an APT archive"
        )


class MirrorConflictError(InstallerError):
    """An object that is there and is another file: a lock somewhere may name it."""

    def __init__(self, copies: Sequence[Copy]) -> None:
        listed = "\n".join(f"  {copy.container}/{copy.name}" for copy in copies)
        super().__init__(
            "the container holds other files under these names: nothing was copied",
            details=listed,
            resolution="Find out where they came from; delete them there if the archive's are the right ones.",
        )


# ----- pure


def mirrored(component: Component, name: str) -> tuple[SwiftSource, AptSource]:
    """The container that a release's packages go to, and the archive they come from; raises NotMirroredError."""
    source = component.sources.release(name)
    if not isinstance(source, SwiftSource) or source.mirror_of is None:
        raise NotMirroredError(name, source)
    return source, source.mirror_of


def release_of(component: Component, name: str, *, kernel: str, flavour: str) -> Release:
    """The release as it is declared, or as it will be: the newest kernel, of the flavour that the others have."""
    declared = {release.name: release for release in component.context.releases}
    like = declared.get(name, component.context.releases[-1])
    changes = {key: value for key, value in (("kernel", kernel), ("kernel_flavour", flavour)) if value}
    if name not in declared:
        changes = {"kernel": "newest", **changes}
    return like.model_copy(update={"name": name, **changes})


def verdict_of(file: LockedFile, about: dict[str, str]) -> ObjectStatus:
    """What an object's headers, none if there is no such object, say of it."""
    if not about:
        return ObjectStatus.MISSING
    stated = about.get(SHA256_HEADER)
    if stated is None and int(about["content-length"]) == file.size:
        return ObjectStatus.UNSTATED
    return ObjectStatus.SAME if stated == file.sha256 else ObjectStatus.OTHER


# ----- effects


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """The hands of this step."""

    indexes: PackageIndexes
    progress: Progress

    def plan(self, component: Component, release: Release, architectures: Iterable[Architecture]) -> list[Copy]:
        """What a release needs: the headers of its kernel and the kernel itself, for each architecture."""
        to, archive = mirrored(component, release.name)
        files: dict[str, LockedFile] = {}
        for architecture in architectures:
            index = self.indexes.apt(archive, architecture)
            kernel = resolve_kernel(release, architecture, component.sources.packages, index, "")
            files.update((file.file_name, file) for file in [*kernel.headers, *kernel.image])
        return [self._copy(file, to.container, f"{to.prefix}{name}") for name, file in sorted(files.items())]

    def _copy(self, file: LockedFile, container: str, name: str) -> Copy:
        about = self.indexes.locations.swift.about(container, name)
        return Copy(file=file, container=container, name=name, verdict=verdict_of(file, dict(about)))

    def run(self, copies: Sequence[Copy]) -> list[Copy]:
        """Copy what is not there and return it; what is there without its sha256 is compared.

        Raises MirrorConflictError before anything is copied, DownloadError, SwiftRefusedError.
        """
        cache, swift = self.indexes.cache, self.indexes.locations.swift
        unsure = [copy for copy in copies if copy.verdict is not ObjectStatus.SAME]
        self._download([copy.file for copy in unsure if copy.verdict is not ObjectStatus.OTHER])
        other = [
            copy
            for copy in unsure
            if copy.verdict is ObjectStatus.OTHER
            or (
                copy.verdict is ObjectStatus.UNSTATED
                and swift.problem_with(copy.container, copy.name, cache.blob(copy.file.sha256))
            )
        ]
        if other:
            raise MirrorConflictError(other)
        missing = [copy for copy in unsure if copy.verdict is ObjectStatus.MISSING]
        if missing:
            with self.progress.bytes(f"uploading {len(missing)} files", sum(c.file.size for c in missing)) as advance:
                for copy in missing:
                    swift.put(copy.container, copy.name, cache.blob(copy.file.sha256), copy.file.sha256)
                    advance(copy.file.size)
        return missing

    def _download(self, files: Sequence[LockedFile]) -> None:
        cache, locations = self.indexes.cache, self.indexes.locations
        missing = [file for file in files if not cache.has_blob(file.sha256)]
        if missing:
            requests = [Request(file=file, address=locations.address(file.origin)) for file in missing]
            with self.progress.bytes(f"downloading {len(missing)} files", sum(f.size for f in missing)) as advance:
                download_all(requests, cache, advance=advance)
        cache.save_index()
