"""Downloads of locked packages by apt, with the methods, mirrors, proxies and logins of the machine.

apt downloads only packages of its lists. So the files of versions.lock become the lists of a private root, each as a package
with its sha256 as name. No list is downloaded, and a file that its archive no longer lists is found as long as it exists.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debian.deb822 import Deb822

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.errors import InstallerError
from lifecycle.sources.apt.job import AptJob
from lifecycle.sources.apt.machine import MachineArchives, UndeclaredOriginError, repositories_of
from lifecycle.sources.apt.root import entry_number, make_root
from lifecycle.sources.download import Advance, BusyServerError
from lifecycle.tools.network.retries import REQUESTS, RetryPolicy
from lifecycle.tools.process import run

# apt keeps one connection to each server; several processes share the work.
_PROCESSES = 4
_INTERVAL = 0.2  # seconds between two reports of the progress
_ARCHITECTURE = re.compile(r"_([a-z0-9]+)\.deb$")


def download_packages(
    files: Iterable[LockedFile],
    repositories: Sequence[AptRepository],
    machine: MachineArchives,
    cache: Cache,
    *,
    advance: Advance,
    policy: RetryPolicy = REQUESTS,
) -> None:
    """Download locked packages of APT archives into the cache. `advance` gets the number of new bytes.

    `policy` is that of further attempts at what a server refuses for now. Raises the first FileGoneError, HashMismatchError or
    DownloadError after all downloads have ended, and UndeclaredOriginError or ArchiveNotConfiguredError before the first starts.
    """
    groups = _by_architecture(files)
    entries = {
        architecture: _entries(group, repositories, machine, architecture) for architecture, group in groups.items()
    }
    download = _Download(entries=entries, cache=cache, advance=advance)
    attempts, final = policy.start(), list[InstallerError]()
    while groups:
        errors = download.attempt(groups)
        busy = [error for error in errors if isinstance(error, BusyServerError)]
        final += [error for error in errors if not isinstance(error, BusyServerError)]
        if not busy or not attempts.again(f"{busy[0].file.name}: {busy[0].reason}"):
            final += busy
            break
        groups = _by_architecture(error.file for error in busy)
    for error in final:
        raise error


@dataclass(frozen=True, kw_only=True)
class _Download:
    """The download of packages with the entries of their archives, by architecture. `counted` has the bytes that were reported."""

    entries: Mapping[Architecture, Mapping[str, str]]
    cache: Cache
    advance: Advance
    counted: dict[str, int] = field(default_factory=dict)

    def attempt(self, groups: Mapping[Architecture, Sequence[LockedFile]]) -> list[InstallerError]:
        """Download what can be downloaded now, and return an error for each of the other files."""
        return [error for architecture, group in groups.items() for error in self._attempt(group, architecture)]

    def _attempt(self, files: Sequence[LockedFile], architecture: Architecture) -> list[InstallerError]:
        with self.cache.scratch("apt") as scratch:
            roots = []
            for number, share in enumerate(split(files, _PROCESSES)):
                root = scratch.absolute() / str(number)
                roots.append((root, share, _make_locked_root(root, share, self.entries[architecture], architecture)))
            return self._run(roots)

    def _run(self, roots: Iterable[tuple[Path, Sequence[LockedFile], Sequence[str]]]) -> list[InstallerError]:
        """Run a job in each root to its end, and return the errors of their files. An interruption ends the jobs, too."""
        jobs: list[AptJob] = []
        try:
            for root, share, options in roots:
                jobs.append(AptJob(root, share, self.cache, options, self.counted))
            _wait(jobs, self.advance)
            _wait([job for job in jobs if job.start_copy()], self.advance)
        finally:
            for job in jobs:
                job.stop()
        return [error for job in jobs for error in job.keep()]


def split(files: Sequence[LockedFile], count: int) -> list[list[LockedFile]]:
    """Return files in at most `count` shares of about the same size, none of them empty."""
    shares: list[list[LockedFile]] = [[] for _ in range(count)]
    for file in sorted(files, key=lambda file: file.size, reverse=True):
        min(shares, key=lambda share: (sum(f.size for f in share), len(share))).append(file)
    return [share for share in shares if share]


def _by_architecture(files: Iterable[LockedFile]) -> dict[Architecture, list[LockedFile]]:
    """Return the files by the architecture in their names, since a machine may have an archive for each."""
    groups: dict[Architecture, list[LockedFile]] = {}
    for file in files:
        match = _ARCHITECTURE.search(file.file_name)
        foreign = match is not None and match[1] == Architecture.ARM64
        groups.setdefault(Architecture.ARM64 if foreign else Architecture.AMD64, []).append(file)
    return groups


def _entries(
    files: Sequence[LockedFile],
    repositories: Sequence[AptRepository],
    machine: MachineArchives,
    architecture: Architecture,
) -> Mapping[str, str]:
    """Return the entries of the archives that files come from, each with the archive's label.

    The archives are trusted, because the sha256 of each file is known.
    """
    entries: dict[str, str] = {}
    for file in files:
        of_file = repositories_of(file.origin, repositories)
        if not of_file:
            raise UndeclaredOriginError(file.origin)
        if of_file[0].label not in entries.values():
            entries |= {machine.entry(r, architecture, Trusted="yes"): r.label for r in of_file}
    return entries


def _make_locked_root(
    root: Path, files: Sequence[LockedFile], entries: Mapping[str, str], architecture: Architecture
) -> list[str]:
    """Create a private root whose lists are the files, and return the options that make apt use it."""
    labels = list(entries.values())
    options = make_root(root, list(entries), architecture)
    text = run(["apt-get", *options, "indextargets", "--no-release-info", "Created-By: Packages"])
    written = set()
    for target in Deb822.iter_paragraphs(text):
        address = target["Repo-URI"]
        # One list of an address is enough. But a list of mirrors may limit a mirror to some suites or components.
        if address not in written or address.startswith("mirror"):
            written.add(address)
            label = labels[entry_number(target["Sourcesentry"])]
            packages = [_package(file, label) for file in files if file.origin.startswith(f"{label}/")]
            Path(target["Filename"]).write_text("\n".join(packages), encoding="utf-8")
    return options


def _package(file: LockedFile, label: str) -> str:
    """Return a file as a paragraph of a Packages file (the repository format of the Debian wiki)."""
    fields = {
        "Package": file.sha256,
        "Version": "1",
        "Architecture": "all",
        "Filename": file.origin.removeprefix(f"{label}/"),
        "Size": str(file.size),
        "SHA256": file.sha256,
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def _wait(jobs: Sequence[AptJob], advance: Advance) -> None:
    for job in jobs:
        while not job.wait(_INTERVAL):
            for other in jobs:
                other.report(advance)
    for job in jobs:
        job.report(advance)
