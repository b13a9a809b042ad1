"""How this machine's own apt is set up: the address and the keys of each archive it uses, by the archive's Label.

A project that names a mirror of its own breaks behind every company's proxy; the one that the machine's apt uses works.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from debian.deb822 import Deb822

from lifecycle.config.sources import AptRepository
from lifecycle.errors import InstallerError, UsageError
from lifecycle.tools.process import run

_SIGNED_BY_OPTION = re.compile(r"\[[^\]]*signed-by=([^\]\s]+)[^\]]*\]")


class ArchiveNotSetUpError(UsageError):
    """An archive label that the machine's apt does not know."""

    def __init__(self, label: str, known: Iterable[str]) -> None:
        super().__init__(
            f"this machine's apt has no archive labelled {label!r} (it has: {', '.join(sorted(known)) or 'none'}): "
            "run `apt-get update`, add it to /etc/apt/sources.list.d, or give its uri and keyring in component.yaml"
        )


class ForeignOriginError(InstallerError):
    """A locked file whose archive is not among those that component.yaml declares."""

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"versions.lock names {origin}, which is in no archive that component.yaml declares",
            resolution="Run `invoke fetch --update`, which writes the lock anew.",
        )


@dataclass(frozen=True, kw_only=True)
class MachineArchive:
    """An archive's address (ends in `/`), and its keys: a file's path, or key material, as in sources.list(5)."""

    uri: str
    signed_by: str | None


class MachineArchives:
    """The archives of the machine's apt, asked for once, when first needed."""

    @cached_property
    def archives(self) -> dict[str, MachineArchive]:
        """By Label; the first of several with one label."""
        text = run(["apt-get", "indextargets", "Created-By: Packages"])
        archives: dict[str, MachineArchive] = {}
        for target in Deb822.iter_paragraphs(text):
            label = target.get("Label", "")
            if label and label not in archives:
                archives[label] = MachineArchive(uri=target["Repo-URI"], signed_by=_signed_by(target["Sourcesentry"]))
        return archives

    def archive(self, repository: AptRepository) -> MachineArchive:
        """The address and keys of a declared repository; raises ArchiveNotSetUpError."""
        if repository.uri:
            return MachineArchive(uri=repository.uri.rstrip("/") + "/", signed_by=str(repository.keyring))
        if repository.archive not in self.archives:
            raise ArchiveNotSetUpError(str(repository.archive), self.archives)
        return self.archives[repository.archive]

    def stanza(self, repository: AptRepository) -> str:
        """The repository as a stanza of a .sources file (sources.list(5), deb822 style)."""
        archive = self.archive(repository)
        fields = {
            "Types": "deb",
            "URIs": archive.uri,
            "Suites": repository.suite,
            "Components": " ".join(repository.components),
            "Signed-By": archive.signed_by,
        }
        return "".join(f"{key}: {value}\n" for key, value in fields.items() if value)

    def origin(self, uri: str, repositories: Sequence[AptRepository]) -> str:
        """The origin to write in the lock for a file's address: `Label/path`, without what the machine decides."""
        for repository in repositories:
            # apt writes file:/path where sources.list(5) takes file:///path.
            base = self.archive(repository).uri.replace("file://", "file:")
            if uri.startswith(base):
                return f"{repository.label}/{unquote(uri.removeprefix(base))}"
        raise ForeignOriginError(uri)

    def address(self, origin: str, repositories: Iterable[AptRepository]) -> str:
        """The address, on this machine, of a file that the lock names by its origin."""
        for repository in repositories:
            if origin.startswith(f"{repository.label}/"):
                path = origin.removeprefix(f"{repository.label}/")
                # `+` is a space to some servers (RFC 1866 forms); apt escapes it too.
                return self.archive(repository).uri + path.replace("%", "%25").replace("+", "%2b")
        raise ForeignOriginError(origin)


def _signed_by(entry: str) -> str | None:
    """The Signed-By of the source that `file:number` names (the number counts stanzas in .sources, lines in .list)."""
    name, _, number = entry.rpartition(":")
    path, index = Path(name), int(number) - 1
    if path.suffix == ".sources":
        stanzas = list(_stanzas(path))
        return stanzas[index].get("Signed-By") if index < len(stanzas) else None
    lines = path.read_text(encoding="utf-8").splitlines()
    match = _SIGNED_BY_OPTION.search(lines[index]) if index < len(lines) else None
    return match[1] if match else None


def _stanzas(path: Path) -> Iterator[Deb822]:
    with path.open(encoding="utf-8") as file:
        yield from Deb822.iter_paragraphs(file)
