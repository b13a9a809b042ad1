"""The kernels to come: what a release's own source, and the suites that component.yaml's `radar` names, have newer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from debian.debian_support import Version

from lifecycle.config.component import NEWEST, Component, Release
from lifecycle.config.lock import LockedKernel, kernel_key
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptSource, PackageSource
from lifecycle.errors import InstallerError, UsageError
from lifecycle.planning.locked_project import LockedProject
from lifecycle.radar.arrival import arrival_of
from lifecycle.radar.model import Arrival
from lifecycle.sources.open_index import PackageIndexes
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.sources.resolve_packages import kernels_of, newest_kernel, resolve_kernel


class NoSuchKernelError(UsageError):
    """A glob for kernels that no archive has."""

    def __init__(self, glob: str, known: Sequence[str]) -> None:
        listed = ", ".join(known) or "none that can be read"
        super().__init__(
            f"--kernels {glob!r} matches no kernel of the archives other than the locked ones: they have {listed}"
        )


class NoBuilderToCompileError(UsageError):
    """A release that has no builder for coming kernels."""

    def __init__(self, release: str, builder: str) -> None:
        super().__init__(
            f"component.yaml: radar.{release}: builder {builder!r} is no release with a builder: name one of context.releases, "
            "or one of sources.releases that has the key `builder`"
        )


@dataclass(frozen=True, kw_only=True)
class ComingSource:
    """A source to ask for kernels of a release. `builder` is the release in whose builder modules for them are compiled.

    `replaces` is the declared release whose kernel is today's: the release itself, or the one that a next release replaces.
    """

    release: Release
    source: PackageSource
    builder: str
    own: bool
    replaces: str

    @property
    def is_next_release(self) -> bool:
        """True if the release is not declared yet."""
        return self.replaces != self.release.name

    @property
    def name(self) -> str:
        """The name of the source for people: its suites, or its kind."""
        if isinstance(self.source, AptSource):
            return ", ".join(dict.fromkeys(repository.suite for repository in self.source.repositories))
        return self.source.kind


@dataclass(frozen=True, kw_only=True)
class ComingKernel:
    """A kernel that a release may get: where it was found, and its headers, which are not downloaded yet."""

    origin: ComingSource
    architecture: Architecture
    package: str
    kernel: LockedKernel
    arrival: Arrival


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The kernels to come, and a sentence for each source or kernel that could not be read.

    `answered` counts the sources that could be read, each for every architecture.
    """

    kernels: tuple[ComingKernel, ...]
    warnings: tuple[str, ...]
    answered: int


def sources_to_ask(component: Component, releases: Sequence[str]) -> list[ComingSource]:
    """Return the sources of kernels for some of the declared releases: the own one of each first. Pure.

    Raises NoBuilderToCompileError.
    """
    names = [release.name for release in component.context.releases]
    found = []
    for release in component.context.releases:
        if release.name in releases:
            own = component.source_of(release.name)
            found.append(
                ComingSource(release=release, source=own, builder=release.name, own=True, replaces=release.name)
            )
            for coming in component.radar.get(release.name, []):
                builder = coming.builder or release.name
                if builder not in names and not component.sources.builder(builder, component.context.architecture[0]):
                    raise NoBuilderToCompileError(release.name, builder)
                found.append(
                    ComingSource(
                        release=release, source=coming.source, builder=builder, own=False, replaces=release.name
                    )
                )
    return found


@dataclass(frozen=True, kw_only=True)
class KernelScout:
    """The reader of what sources have. `glob` selects kernels of any age; "" means the newest, if it is newer than the locked one.

    `say` writes a line of the log.
    """

    project: LockedProject
    indexes: PackageIndexes
    glob: str
    say: Callable[[str], None]

    def ask(self, sources: Sequence[ComingSource]) -> Answers:
        """Return the answers of sources. One that does not answer is a warning. Raises NoSuchKernelError."""
        found: dict[object, ComingKernel] = {}
        warnings: list[str] = []
        known: list[str] = []
        answered = 0
        for source in sources:
            self.say(f"asking {source.name} for kernels of {source.release.name}")
            for architecture in self.project.component.context.architecture:
                try:
                    offered = self._offered(source, architecture)
                except InstallerError as error:
                    warnings.append(f"{source.release.name}: {source.name}: {_sentence(error)}")
                    continue
                answered += 1
                known += offered
                for coming in self._kernels(source, architecture, offered, warnings):
                    hashes = tuple(file.sha256 for file in coming.kernel.headers)
                    found.setdefault((source.release.name, architecture, hashes), coming)
        if self.glob and answered and not found:
            raise NoSuchKernelError(self.glob, list(dict.fromkeys(known)))
        return Answers(kernels=tuple(found.values()), warnings=tuple(warnings), answered=answered)

    def _kernels(
        self, source: ComingSource, architecture: Architecture, offered: Mapping[str, str], warnings: list[str]
    ) -> Iterator[ComingKernel]:
        """Yield the wanted kernels of an offer. One whose headers are not complete adds to the warnings."""
        packages = self.project.component.sources.packages
        index = self.indexes.open(source.source, architecture)
        native = self.indexes.open(source.source, self.project.build_architecture)
        locked = self.project.lock.kernels[kernel_key(source.replaces, architecture)]
        newest = self._newest(source, architecture) if self.glob else offered
        for name, package in offered.items():
            if not self._is_wanted(source, name, package, locked):
                continue
            is_newest = name in newest and Version(package) > Version(package_version(locked))
            arrival = arrival_of(
                source.release, source.name, own=source.own, newest=is_newest, replaces=source.replaces
            )
            release = source.release.model_copy(update={"kernel": name})
            try:
                kernel = resolve_kernel(release, architecture, packages, index, "", native=native, with_image=False)
            except PackageNotFoundError as error:
                warnings.append(f"{source.release.name}: {source.name}: {name}: {_sentence(error)}")
                continue
            yield ComingKernel(
                origin=source, architecture=architecture, package=package, kernel=kernel, arrival=arrival
            )

    def _offered(self, source: ComingSource, architecture: Architecture) -> Mapping[str, str]:
        """Return the kernels that a source has, with the versions of their packages; without a glob the newest alone."""
        packages, index = self.project.component.sources.packages, self.indexes.open(source.source, architecture)
        return (
            kernels_of(source.release, architecture, packages, index)
            if self.glob
            else self._newest(source, architecture)
        )

    def _newest(self, source: ComingSource, architecture: Architecture) -> Mapping[str, str]:
        packages, index = self.project.component.sources.packages, self.indexes.open(source.source, architecture)
        newest = source.release.model_copy(update={"kernel": NEWEST})
        try:
            return dict([newest_kernel(newest, architecture, packages, index)])
        except PackageNotFoundError:
            # A suite such as proposed-updates has a kernel only for some weeks.
            return {}

    def _is_wanted(self, source: ComingSource, name: str, package: str, locked: LockedKernel) -> bool:
        locked_package = package_version(locked)
        if source.is_next_release:
            return fnmatchcase(name, self.glob or "*")
        if (name, package) == (locked.release, locked_package):
            return False
        return fnmatchcase(name, self.glob) if self.glob else Version(package) > Version(locked_package)


def package_version(kernel: LockedKernel) -> str:
    """Return the version of a locked kernel's headers package."""
    return next((file.version for file in kernel.headers if file.name.endswith(kernel.release)), kernel.version)


def _sentence(error: InstallerError) -> str:
    """Return an error on one line, with the first line of its evidence."""
    return "; ".join([error.brief.splitlines()[0], *(line.strip() for line in error.details.splitlines()[:1])])
