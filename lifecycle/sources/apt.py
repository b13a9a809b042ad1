"""APT archives, through apt itself in a private root: it checks signatures and resolves dependencies, we never do.

The machine's own configuration (proxies, mirrors, trusted keys) holds; only its lists and sources are replaced
(apt.conf(5), "Directories"). Nothing here installs a package.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from debian.deb822 import Packages
from debian.debian_support import Version

from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources import AptRepository
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.apt_machine import MachineArchives
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.tools.process import ProgramFailedError, run

_URI_LINE = re.compile(r"'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})")
_NO_SUITE = re.compile(r"The repository '(?P<uri>\S+) (?P<suite>\S+) Release' does not have a Release file")
# Name resolution and mirrors fail for moments; apt itself retries (apt.conf(5), Acquire::Retries).
_RETRIES = 5
_SHOWN = 6


class ArchiveRefusedError(InstallerError):
    """An archive that cannot be reached, or whose signature or lists are not right: apt's own words."""

    def __init__(self, source: str, output: str) -> None:
        said = [line for line in output.splitlines() if line.startswith(("E: ", "W: ", "Err:"))]
        super().__init__(
            f"the archive of {source} cannot be used",
            details="\n".join(f"  {line}" for line in said[:_SHOWN]),
            resolution="Try again; if it persists, check the machine's apt set-up, or the archive's keyring in component.yaml.",
        )


class SuiteNotFoundError(UsageError):
    """A suite, which for Garden Linux is a version, that an archive does not have."""

    def __init__(self, suite: str, uri: str) -> None:
        super().__init__(
            f"the archive at {uri} has no suite {suite!r}: name a release that it has in component.yaml, or mend its source there"
        )


class AptIndex:
    """What a set of suites offers for one architecture. The network is used once, at the first question."""

    def __init__(
        self,
        *,
        name: str,
        repositories: Sequence[AptRepository],
        architecture: Architecture,
        machine: MachineArchives,
        root: Path,
    ) -> None:
        self.name = name
        self._repositories = tuple(repositories)
        self._architecture = architecture
        self._machine = machine
        self._root = root.absolute()

    @cached_property
    def _options(self) -> list[str]:
        """Set up the private root and bring its lists up to date; the options that make apt use it."""
        for folder in ("lists/partial", "cache/archives/partial", "sources.list.d", "state"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)
        (self._root / "status").write_text("")
        sources = "\n".join(self._machine.stanza(repository) for repository in self._repositories)
        (self._root / "sources.list.d" / "private.sources").write_text(sources)
        options = {
            "APT::Architecture": str(self._architecture),
            "APT::Architectures": str(self._architecture),
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
            "Acquire::ForceHash": "SHA256",
            "Acquire::Languages": "none",
            "Acquire::Retries": str(_RETRIES),
            "Dir::Cache": f"{self._root}/cache",
            "Dir::Cache::pkgcache": "pkgcache.bin",
            "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::Etc::sourcelist": "/dev/null",
            "Dir::Etc::sourceparts": f"{self._root}/sources.list.d",
            "Dir::State": f"{self._root}/state",
            "Dir::State::lists": f"{self._root}/lists",
            "Dir::State::status": f"{self._root}/status",
        }
        flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
        try:
            run(["apt-get", *flags, "--error-on=any", "--quiet", "update"])
        except ProgramFailedError as error:
            lacking = _NO_SUITE.search(error.output)
            if lacking:
                raise SuiteNotFoundError(lacking["suite"], lacking["uri"]) from error
            raise ArchiveRefusedError(self.name, error.output) from error
        return flags

    def names(self, prefix: str) -> list[str]:
        """The names of packages that begin with a prefix."""
        return sorted(run(["apt-cache", *self._options, "pkgnames", prefix]).split())

    def versions(self, package: str) -> list[str]:
        """All versions of a package, newest first by Debian's order; empty if there is none."""
        return [str(version) for version in sorted((Version(p["Version"]) for p in self._show(package)), reverse=True)]

    def depends(self, package: str, version: str) -> list[str]:
        """The names of the packages that a version depends on, the first of each set of alternatives."""
        for paragraph in self._show(f"{package}={version}"):
            return [str(alternatives[0]["name"]) for alternatives in paragraph.relations["depends"] or []]
        raise PackageNotFoundError(package, version, self.name, self.versions(package))

    def locate(self, packages: Iterable[tuple[str, str]]) -> list[LockedFile]:
        """The files of exact (package, version) pairs, in their order; raises PackageLackingError."""
        wanted = list(packages)
        for package, version in wanted:
            known = self.versions(package)
            if version not in known:
                raise PackageNotFoundError(package, version, self.name, known)
        specs = [f"{package}={version}" for package, version in wanted]
        found = self._files(["apt-get", *self._options, "--quiet=2", "--print-uris", "download", *specs])
        by_name = {file.name: file for file in found}
        return [by_name[package] for package, _ in wanted]

    def closure(self, packages: Sequence[str]) -> list[LockedFile]:
        """The files of packages and of all they depend on, newest versions, sorted by name."""
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
