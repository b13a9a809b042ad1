"""The archives of this machine's own apt: the addresses and the options of each, by its Label.

The machine's mirrors also work behind a company's proxy; mirrors that the project names itself may not.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote

from debian.deb822 import Deb822

from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.errors import InstallerError, UsageError
from lifecycle.sources.apt.entry import architectures, as_line, as_stanza, carried_options, read_entry
from lifecycle.tools.process import run

# apt writes file:/path where sources.list(5) takes file:///path.
_LOCAL = re.compile(r"^((?:mirror\+)?(?:file|copy)):/+")


class ArchiveNotConfiguredError(UsageError):
    """An archive label that is not in the configuration of the machine's apt."""

    def __init__(self, label: str, known: Iterable[str]) -> None:
        super().__init__(
            f"this machine's apt has no archive labelled {label!r} (it has: {', '.join(sorted(known)) or 'none'}): "
            "run `apt-get update`, add it to /etc/apt/sources.list.d, or give its uri and keyring in component.yaml"
        )


class UndeclaredOriginError(InstallerError):
    """A locked file whose archive component.yaml does not declare."""

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"versions.lock names {origin}, but component.yaml declares no such archive",
            resolution="Run `invoke fetch --update`, which resolves everything again and writes versions.lock.",
        )


@dataclass(frozen=True, kw_only=True)
class MachineArchive:
    """An archive in one entry of sources.list(5): its addresses, each with a final `/`, and the entry's options.

    `suites` are those that the entry names; `architectures` is empty if the entry is not limited to some. `is_line` tells the
    format: each has options that apt does not read in the other.
    """

    uris: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)
    suites: frozenset[str] = frozenset()
    architectures: frozenset[str] = frozenset()
    is_line: bool = False

    def suits(self, repository: AptRepository, architecture: Architecture) -> tuple[bool, bool]:
        """Return whether the entry is for an architecture, and whether it names the suite: what tells several entries apart."""
        return not self.architectures or architecture in self.architectures, repository.suite in self.suites


class MachineArchives:
    """The archives in the configuration of the machine's apt, read at the first use."""

    @cached_property
    def archives(self) -> dict[str, tuple[MachineArchive, ...]]:
        """The archives by Label, or by address if they have none; one for each entry, in apt's order."""
        text = run(["apt-get", "indextargets", "Created-By: Packages"])
        targets: dict[str, dict[str, list[Deb822]]] = {}
        for target in Deb822.iter_paragraphs(text):
            label = target.get("Label") or target["Site"]
            targets.setdefault(label, {}).setdefault(target["Sourcesentry"], []).append(target)
        return {
            label: tuple(_archive(entry, of_entry) for entry, of_entry in entries.items())
            for label, entries in targets.items()
        }

    def archive(self, repository: AptRepository, architecture: Architecture) -> MachineArchive:
        """Return the archive of a declared repository: of several entries, the first that suits best.

        Raises ArchiveNotConfiguredError.
        """
        found = self._entries(repository)
        return max(found, key=lambda archive: archive.suits(repository, architecture))

    def _entries(self, repository: AptRepository) -> Sequence[MachineArchive]:
        if repository.uri:
            own = MachineArchive(
                uris=(repository.uri.rstrip("/") + "/",), options={"Signed-By": str(repository.keyring)}
            )
            return [own]
        if repository.archive not in self.archives:
            raise ArchiveNotConfiguredError(str(repository.archive), self.archives)
        return self.archives[repository.archive]

    def entry(self, repository: AptRepository, architecture: Architecture, **more: str) -> str:
        """Return a repository as an entry of sources.list(5), in the format of the machine's entry.

        The fields of `more` replace those of the machine. Raises ArchiveNotConfiguredError.
        """
        archive = self.archive(repository, architecture)
        options = {
            **archive.options,
            "Architectures": str(architecture),
            "Languages": "none",
            "Targets": "Packages",
            **more,
        }
        write = as_line if archive.is_line else as_stanza
        return write(archive.uris, repository.suite, repository.components, options)

    def origin(self, uri: str, repositories: Sequence[AptRepository]) -> str:
        """Return the origin of a file's address for versions.lock: `Label/path`, which is the same on all machines.

        Raises UndeclaredOriginError, ArchiveNotConfiguredError.
        """
        address = _canonical(uri)
        bases = [(base, repository.label) for repository in repositories for base in self._bases(repository)]
        matching = [(base, label) for base, label in bases if address.startswith(base)]
        if not matching:
            raise UndeclaredOriginError(uri)
        # An archive can be in a folder of another one.
        base, label = max(matching, key=lambda match: len(match[0]))
        return f"{label}/{unquote(address.removeprefix(base))}"

    def _bases(self, repository: AptRepository) -> Iterator[str]:
        for archive in self._entries(repository):
            yield from map(_canonical, archive.uris)


def repositories_of(origin: str, repositories: Iterable[AptRepository]) -> list[AptRepository]:
    """Return the repositories of the archive that has an origin in versions.lock; [] if none is declared."""
    labels = [r.label for r in repositories if origin.startswith(f"{r.label}/")]
    label = max(labels, key=len, default=None)
    return [repository for repository in repositories if repository.label == label]


def _archive(entry: str, targets: Sequence[Deb822]) -> MachineArchive:
    fields = read_entry(entry)
    return MachineArchive(
        uris=tuple(dict.fromkeys(target["Repo-URI"] for target in targets)),
        options=carried_options(fields),
        suites=frozenset(target["Release"] for target in targets),
        architectures=architectures(fields),
        is_line=".sources:" not in entry,
    )


def _canonical(uri: str) -> str:
    return _LOCAL.sub(r"\1:/", uri)
