"""Downloads of locked packages by apt, with the methods, mirrors, proxies and logins of the machine.

apt downloads only packages of its lists. So the files of versions.lock become the lists of a private root, each as a package
with its sha256 as name. No list is downloaded, and a file that its archive no longer lists is found as long as it exists.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from debian.deb822 import Deb822

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources import AptRepository
from lifecycle.errors import InstallerError
from lifecycle.sources.apt.job import AptJob
from lifecycle.sources.apt.machine import MachineArchives, UndeclaredOriginError, repositories_of
from lifecycle.sources.apt.root import make_root
from lifecycle.sources.download import Advance
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
) -> None:
    """Download locked packages of APT archives into the cache. `advance` gets the number of new bytes.

    Raises the first FileGoneError, HashMismatchError or DownloadError after all downloads have ended, and
    UndeclaredOriginError or ArchiveNotConfiguredError before the first starts.
    """
    with cache.scratch("apt") as scratch:
        roots = [
            (group, _locked_root((scratch / architecture).absolute(), group, repositories, machine, architecture))
            for architecture, group in _by_architecture(files).items()
        ]
        errors = []
        for number, (group, options) in enumerate(roots):
            folder = (scratch / f"jobs-{number}").absolute()
            errors += _download(folder, group, cache, options, advance)
    for error in errors:
        raise error


def split(files: Sequence[LockedFile], count: int) -> list[list[LockedFile]]:
    """Return files in at most `count` shares of about the same size, none of them empty."""
    shares: list[list[LockedFile]] = [[] for _ in range(count)]
    for file in sorted(files, key=lambda file: file.size, reverse=True):
        min(shares, key=lambda share: (sum(f.size for f in share), len(share))).append(file)
    return [share for share in shares if share]


def _download(
    folder: Path, files: Sequence[LockedFile], cache: Cache, options: Sequence[str], advance: Advance
) -> list[InstallerError]:
    """Run jobs to their end, and return the errors of their files. An interruption ends the jobs, too."""
    jobs: list[AptJob] = []
    try:
        for number, share in enumerate(split(files, _PROCESSES)):
            jobs.append(AptJob(folder / str(number), share, cache, options))
        _wait(jobs, advance)
        _wait([job for job in jobs if job.start_copy()], advance)
    finally:
        for job in jobs:
            job.stop()
    return [error for job in jobs for error in job.keep()]


def _wait(jobs: Sequence[AptJob], advance: Advance) -> None:
    for job in jobs:
        while not job.wait(_INTERVAL):
            for other in jobs:
                other.report(advance)
    for job in jobs:
        job.report(advance)


def _by_architecture(files: Iterable[LockedFile]) -> dict[Architecture, list[LockedFile]]:
    """Return the files by the architecture in their names, since a machine may have an archive for each."""
    groups: dict[Architecture, list[LockedFile]] = {}
    for file in files:
        match = _ARCHITECTURE.search(file.file_name)
        foreign = match is not None and match[1] == Architecture.ARM64
        groups.setdefault(Architecture.ARM64 if foreign else Architecture.AMD64, []).append(file)
    return groups


def _locked_root(
    root: Path,
    files: Sequence[LockedFile],
    repositories: Sequence[AptRepository],
    machine: MachineArchives,
    architecture: Architecture,
) -> list[str]:
    """Create a private root whose lists have the files, and return the options that make apt use it.

    Its archives are trusted, because the sha256 of each file is known.
    """
    lists: dict[str, str] = {}
    stanzas: dict[str, str] = {}
    for file in files:
        of_file = repositories_of(file.origin, repositories)
        if not of_file:
            raise UndeclaredOriginError(file.origin)
        label = of_file[0].label
        lists[label] = lists.get(label, "") + _package(file, label)
        if label not in stanzas.values():
            stanzas |= {machine.stanza(r, architecture, Trusted="yes"): label for r in of_file}
    options = make_root(root, list(stanzas), architecture)
    _write_lists(options, lists, list(stanzas.values()))
    return options


def _write_lists(options: Sequence[str], lists: dict[str, str], labels: Sequence[str]) -> None:
    """Write the packages of each archive to the place where apt looks for them. `labels` are the archives of the stanzas."""
    text = run(["apt-get", *options, "indextargets", "--no-release-info", "Created-By: Packages"])
    written = set()
    for target in Deb822.iter_paragraphs(text):
        address = target["Repo-URI"]
        # One list of an address is enough. But a list of mirrors may limit a mirror to some suites or components.
        if address not in written or address.startswith("mirror"):
            written.add(address)
            number = int(target["Sourcesentry"].rpartition(":")[2])
            Path(target["Filename"]).write_text(lists[labels[number - 1]], encoding="utf-8")


def _package(file: LockedFile, label: str) -> str:
    """Return a file as a paragraph of apt's lists (deb-src-index's Packages file, Debian's repository format)."""
    path = file.origin.removeprefix(f"{label}/")
    fields = {
        "Package": file.sha256,
        "Version": "1",
        "Architecture": "all",
        "Filename": path,
        "Size": str(file.size),
        "SHA256": file.sha256,
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items()) + "\n"
