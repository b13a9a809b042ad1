"""The package index of an APT archive. apt itself checks signatures and resolves dependencies, in a private root."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from debian.deb822 import Packages
from debian.debian_support import Version

from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.apt.busy import find_busy_answer
from lifecycle.sources.apt.machine import MachineArchives
from lifecycle.sources.apt.root import make_root
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.tools.network.retries import REQUESTS, RetryPolicy
from lifecycle.tools.process import ProgramFailedError, run

_URI_LINE = re.compile(r"'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")
_NO_SUITE = re.compile(r"The repository '(?P<uri>\S+) (?P<suite>\S+) Release' does not have a Release file")
_FORBIDDEN = re.compile(r"Failed to fetch (?P<uri>\S+)/dists/(?P<suite>\S+)/InRelease +403 ")
_MAX_ERROR_LINES = 6


class ArchiveUpdateError(InstallerError):
    """An archive that cannot be reached, or has an invalid signature or index. The details are apt's messages."""

    doctor_checks = "apt's archives, their keys and the clock"

    def __init__(self, source: str, output: str) -> None:
        messages = [line for line in output.splitlines() if line.startswith(("E: ", "W: ", "Err:"))]
        super().__init__(
            f"the archive of {source} cannot be used",
            details="\n".join(f"  {line}" for line in messages[:_MAX_ERROR_LINES]),
            resolution="Try again. If it fails again, check the machine's apt configuration, or the keyring in component.yaml.",
        )


class SuiteNotFoundError(UsageError):
    """A suite that an archive does not have. Garden Linux has a suite per version."""

    def __init__(self, suite: str, uri: str) -> None:
        super().__init__(
            f"the archive at {uri} has no suite {suite!r}: in component.yaml, name a release that it has, or correct the source"
        )


class SuiteForbiddenError(UsageError):
    """A suite that an archive refuses to show. Object stores such as S3 answer so for a file that they do not have."""

    def __init__(self, suite: str, uri: str) -> None:
        super().__init__(
            f"the archive at {uri} answers 403 (forbidden) for the suite {suite!r}, as object stores do for what they do not have: "
            "in component.yaml, name a release that it has, or let this machine read the archive"
        )


class KeyringNotFoundError(UsageError):
    """A keyring that does not exist, without which apt cannot verify an archive."""

    def __init__(self, keyring: Path, uri: str) -> None:
        super().__init__(
            f"the keyring {keyring}, which component.yaml names for {uri}, does not exist: install the archive's public key "
            "there (docs/how-to/new-garden-linux-version.md), or correct the path"
        )


class NoChecksumError(InstallerError):
    """A package whose sha256 its archive does not state. versions.lock needs it."""

    def __init__(self, source: str, packages: Iterable[str]) -> None:
        super().__init__(
            f"the archive of {source} states no SHA256 of {', '.join(packages)}",
            resolution="Copy the packages to a folder, and declare that as a source of kind directory.",
        )


class AptIndex:
    """The packages of some suites for one architecture. The first query downloads the package lists into `root`.

    `policy` is that of further attempts while a server refuses the lists for now.
    """

    def __init__(
        self,
        *,
        name: str,
        repositories: Sequence[AptRepository],
        architecture: Architecture,
        machine: MachineArchives,
        root: Path,
        policy: RetryPolicy = REQUESTS,
    ) -> None:
        self.name = name
        self._repositories = tuple(repositories)
        self._architecture = architecture
        self._machine = machine
        self._root = root.absolute()
        self._policy = policy

    @cached_property
    def _options(self) -> list[str]:
        """Create the private root, update its lists, and return the options that make apt use it.

        Raises KeyringNotFoundError, ArchiveNotConfiguredError, SuiteNotFoundError, SuiteForbiddenError, ArchiveUpdateError.
        """
        for repository in self._repositories:
            if repository.keyring and not repository.keyring.is_file():
                raise KeyringNotFoundError(repository.keyring, str(repository.uri))
        entries = [self._machine.entry(repository, self._architecture) for repository in self._repositories]
        options = make_root(self._root, entries, self._architecture)
        attempts = self._policy.start()
        while True:
            try:
                run(["apt-get", *options, "--error-on=any", "--quiet", "update"])
            except ProgramFailedError as error:
                busy = find_busy_answer(error.output)
                if busy and attempts.again(f"the archive of {self.name}: {busy}"):
                    continue
                raise self._refusal(error.output, busy=bool(busy)) from error
            return options

    def _refusal(self, output: str, *, busy: bool) -> InstallerError:
        """Return the error of an update by apt's messages. apt takes a busy server for one without the suite."""
        missing, forbidden = _NO_SUITE.search(output), _FORBIDDEN.search(output)
        if missing and not busy:
            return SuiteNotFoundError(missing["suite"], missing["uri"])
        if forbidden:
            return SuiteForbiddenError(forbidden["suite"], forbidden["uri"])
        return ArchiveUpdateError(self.name, output)

    def names(self, prefix: str) -> list[str]:
        """Return the sorted names of the packages that begin with a prefix. Raises as `versions`."""
        return sorted(run(["apt-cache", *self._options, "pkgnames", prefix]).split())

    def versions(self, package: str) -> list[str]:
        """Return all versions of a package, newest first in Debian's order; [] if there is none.

        Raises ArchiveUpdateError, SuiteNotFoundError, ArchiveNotConfiguredError at the first query.
        """
        return [str(version) for version in sorted((Version(p["Version"]) for p in self._show(package)), reverse=True)]

    def depends(self, package: str, version: str) -> list[str]:
        """Return the names of a version's dependencies, of alternatives the first. Raises PackageNotFoundError."""
        for paragraph in self._show(f"{package}={version}"):
            return [str(alternatives[0]["name"]) for alternatives in paragraph.relations["depends"] or []]
        raise PackageNotFoundError(package, version, self.name, self.versions(package))

    def locate(self, packages: Iterable[tuple[str, str]]) -> list[LockedFile]:
        """Return the files of exact (package, version) pairs, in the same order. Raises PackageNotFoundError, NoChecksumError."""
        pairs = list(packages)
        for package, version in pairs:
            available = self.versions(package)
            if version not in available:
                raise PackageNotFoundError(package, version, self.name, available)
        specs = [f"{package}={version}" for package, version in pairs]
        found = self._files(["apt-get", *self._options, "--quiet=2", "--print-uris", "download", *specs])
        by_name = {file.name: file for file in found}
        if lacking := sorted({package for package, _ in pairs} - by_name.keys()):
            raise NoChecksumError(self.name, lacking)
        return [by_name[package] for package, _ in pairs]

    def closure(self, packages: Sequence[str]) -> list[LockedFile]:
        """Return the files of packages and all their dependencies, in the newest versions, sorted by name.

        Raises PackageNotFoundError.
        """
        for package in packages:
            if not self.versions(package):
                raise PackageNotFoundError(package, "", self.name, [])
        command = ["apt-get", *self._options, "--quiet=2", "--print-uris", "--yes", "install", *packages]
        return sorted(self._files(command), key=lambda file: file.name)

    def _show(self, spec: str) -> list[Packages]:
        try:
            text = run(["apt-cache", *self._options, "show", spec])
        except ProgramFailedError as error:
            if "No packages found" not in error.output:
                raise
            text = ""
        return list(Packages.iter_paragraphs(text, use_apt_pkg=False) or [])

    def _files(self, command: Sequence[str]) -> list[LockedFile]:
        return [self._file(match) for line in run(command).splitlines() if (match := _URI_LINE.match(line))]

    def _file(self, match: re.Match[str]) -> LockedFile:
        package, version, _ = unquote(match["file"]).removesuffix(".deb").rsplit("_", 2)
        return LockedFile(
            name=package,
            version=version,
            origin=self._machine.origin(match["uri"], self._repositories),
            size=int(match["size"]),
            sha256=match["sha256"],
        )
