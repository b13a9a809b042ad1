"""The APT archives of the declared releases: known to apt, reached as apt reaches them, and with keys that are valid."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lifecycle.config.component import Component
from lifecycle.config.sources.driver_sources import PackagedDriver
from lifecycle.config.sources.package_sources import AptRepository, AptSource, PackageSource
from lifecycle.doctor.finding import Finding, Subject, one_line
from lifecycle.errors import UsageError
from lifecycle.planning.project import Project
from lifecycle.sources.apt.index import KeyringNotFoundError
from lifecycle.sources.apt.machine import ArchiveNotConfiguredError, MachineArchive, MachineArchives
from lifecycle.tools.process import ProgramFailedError, run

_APT, _KEY = Subject("apt"), Subject("apt key")
# It downloads a file with all settings of apt: proxies, logins, certificates.
_HELPER = "/usr/lib/apt/apt-helper"
_OPTIONS = ("Acquire::Retries=0", "Acquire::http::Timeout=5", "Acquire::https::Timeout=5", "APT::Sandbox::User=root")
_LIMIT, _AT_ONCE = "10", 8
_SOON = timedelta(days=30)
# Fields of gpg's output (gnupg, doc/DETAILS, "Format of the colon listings"). E: expired, r: revoked, s: signs.
_RECORD, _VALIDITY, _EXPIRY, _CAPABILITIES = 0, 1, 6, 11


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A suite of an archive at an address; `label` is the archive's."""

    label: str
    name: str
    release_file: str


def sources_in_use(component: Component) -> list[PackageSource]:
    """Return the package sources of the declared releases, and of the releases whose packages the drivers are."""
    drivers = [component.driver_source_of(version) for version in component.context.driver_version]
    names = [release.name for release in component.context.releases]
    names += [driver.release for driver in drivers if isinstance(driver, PackagedDriver)]
    return [component.source_of(name) for name in dict.fromkeys(names)]


def repositories_in_use(component: Component) -> list[AptRepository]:
    """Return the APT repositories of the sources in use, each once."""
    found: list[AptRepository] = []
    for source in sources_in_use(component):
        if isinstance(source, AptSource):
            found += [repository for repository in source.repositories if repository not in found]
    return found


def check_archives(project: Project, machine: MachineArchives) -> Iterator[Finding]:
    """Yield whether apt knows and reaches each archive in use."""
    repositories = repositories_in_use(project.component)
    if not repositories:
        yield _APT.skipped("component.yaml declares no source of kind apt")
        return
    found: dict[Suite, None] = {}
    unknown: dict[str, UsageError] = {}
    for repository in repositories:
        try:
            archive = machine.archive(repository, project.build_architecture)
        except ArchiveNotConfiguredError as error:
            unknown[repository.label] = error
        else:
            found |= dict.fromkeys(suites(repository, archive))
    yield from map(_APT.failure, unknown.values())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from _summary(dict(zip(found, pool.map(_problem, found), strict=True)))


def suites(repository: AptRepository, archive: MachineArchive) -> Iterator[Suite]:
    """Yield the suite of a repository at the first web server of its archive; other addresses need no network."""
    base = next((uri for uri in archive.uris if uri.startswith(("http://", "https://"))), "")
    folder = repository.suite if repository.is_flat else f"dists/{repository.suite}/"
    if base:
        yield Suite(label=repository.label, name=repository.suite, release_file=f"{base}{folder.lstrip('/')}InRelease")


def _problem(suite: Suite) -> str:
    """Download the index of a suite as apt does, and return what is wrong, or ""."""
    if not Path(_HELPER).exists():
        return ""
    options = [part for option in _OPTIONS for part in ("-o", option)]
    with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as folder:
        try:
            run(["timeout", _LIMIT, _HELPER, *options, "download-file", suite.release_file, f"{folder}/InRelease"])
        except ProgramFailedError as error:
            said = [line for line in error.output.splitlines() if line.startswith("E: ")]
            return one_line(said[0].removeprefix("E: ") if said else f"no answer within {_LIMIT} s")
    return ""


def _summary(problems: Mapping[Suite, str]) -> Iterator[Finding]:
    for suite, problem in problems.items():
        if problem:
            yield _APT.error(
                f"{suite.label}, {suite.name}: {problem}",
                "Check the network, apt's proxy and its sources (`apt-get update` shows the same), or correct the suite.",
            )
    reached: dict[str, list[str]] = {}
    for suite, problem in problems.items():
        if not problem:
            reached.setdefault(suite.label, []).append(suite.name)
    for label, names in reached.items():
        yield _APT.ok(f"{label}: {', '.join(names)}")


def check_keyrings(project: Project, machine: MachineArchives) -> Iterator[Finding]:
    """Yield whether the keyrings of the archives in use exist, and when their keys expire."""
    seen = set[Path]()
    for repository in repositories_in_use(project.component):
        try:
            archive = machine.archive(repository, project.build_architecture)
        except ArchiveNotConfiguredError:
            continue  # it is a finding of `check_archives`
        # The option may also be a fingerprint, or the key itself (sources.list(5), Signed-By).
        paths = [Path(word) for word in archive.options.get("Signed-By", "").split() if word.startswith("/")]
        for path in paths:
            if path not in seen:
                seen.add(path)
                yield keyring_finding(path, repository, datetime.now(UTC))
    if not seen:
        yield _KEY.ok("the archives in use have the keys of /etc/apt/trusted.gpg.d")


def keyring_finding(path: Path, repository: AptRepository, now: datetime) -> Finding:
    """Return whether a keyring of a repository has a key that is valid at a time."""
    where = repository.label
    if not path.is_file():
        return _KEY.failure(KeyringNotFoundError(path, where))
    try:
        with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as home:
            shown = run(["gpg", "--homedir", home, "--batch", "--with-colons", "--show-keys", str(path)])
    except ProgramFailedError as error:
        said = one_line(error.output)
        return _KEY.error(f"{path}, for {where}: gpg cannot read it: {said}", "Install the archive's public key there.")
    end = last_day(shown.splitlines())
    if end is not None and end <= now:
        return _KEY.error(
            f"{path}, for {where}: its keys expired on {end:%Y-%m-%d}", "Install the archive's new key there."
        )
    if end is not None and end <= now + _SOON:
        return _KEY.warning(
            f"{path}, for {where}: its keys expire on {end:%Y-%m-%d}", "Install the archive's new key there."
        )
    return _KEY.ok(f"{path}, for {where}: valid{f' until {end:%Y-%m-%d}' if end else ''}")


def last_day(lines: Iterable[str]) -> datetime | None:
    """Return when the last key that signs expires, in gpg's colon format; None if one never does."""
    ends: list[datetime] = []
    for line in lines:
        fields = line.split(":")
        if fields[_RECORD] not in ("pub", "sub") or fields[_VALIDITY] == "r" or "s" not in fields[_CAPABILITIES]:
            continue
        if not fields[_EXPIRY]:
            return None
        ends.append(datetime.fromtimestamp(int(fields[_EXPIRY]), UTC))
    return max(ends, default=datetime.fromtimestamp(0, UTC))
