"""The archives of this machine's own apt: the address and the keys of each, by its Label.

The machine's mirrors also work behind a company's proxy; mirrors that the project names itself may not.
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
    """The address of an archive, with a final `/`, and its keys: a path or the key itself, as Signed-By in sources.list(5)."""

    uri: str
    signed_by: str | None


class MachineArchives:
    """The archives in the configuration of the machine's apt, read at the first use."""

    @cached_property
    def archives(self) -> dict[str, MachineArchive]:
        """The archives by Label; of several with the same Label, the first."""
        text = run(["apt-get", "indextargets", "Created-By: Packages"])
        archives: dict[str, MachineArchive] = {}
        for target in Deb822.iter_paragraphs(text):
            label = target.get("Label", "")
            if label and label not in archives:
                archives[label] = MachineArchive(uri=target["Repo-URI"], signed_by=_signed_by(target["Sourcesentry"]))
        return archives

    def archive(self, repository: AptRepository) -> MachineArchive:
        """Return the address and keys of a declared repository. Raises ArchiveNotConfiguredError."""
        if repository.uri:
            return MachineArchive(uri=repository.uri.rstrip("/") + "/", signed_by=str(repository.keyring))
        if repository.archive not in self.archives:
            raise ArchiveNotConfiguredError(str(repository.archive), self.archives)
        return self.archives[repository.archive]

    def stanza(self, repository: AptRepository) -> str:
        """Return a repository as a stanza of a .sources file (sources.list(5), "DEB822-STYLE FORMAT").

        Raises ArchiveNotConfiguredError.
        """
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
        """Return the origin of a file's address for versions.lock: `Label/path`, which is the same on all machines.

        Raises UndeclaredOriginError, ArchiveNotConfiguredError.
        """
        for repository in repositories:
            # apt writes file:/path where sources.list(5) takes file:///path.
            base = self.archive(repository).uri.replace("file://", "file:")
            if uri.startswith(base):
                return f"{repository.label}/{unquote(uri.removeprefix(base))}"
        raise UndeclaredOriginError(uri)

    def address(self, origin: str, repositories: Iterable[AptRepository]) -> str:
        """Return the address, on this machine, of an origin in versions.lock.

        Raises UndeclaredOriginError, ArchiveNotConfiguredError.
        """
        for repository in repositories:
            if origin.startswith(f"{repository.label}/"):
                path = origin.removeprefix(f"{repository.label}/")
                # Some servers decode `+` as a space, as in HTML forms (RFC 1866, 8.2.1); apt escapes it too.
                return self.archive(repository).uri + path.replace("%", "%25").replace("+", "%2b")
        raise UndeclaredOriginError(origin)


def _signed_by(entry: str) -> str | None:
    """Return the Signed-By of an entry `file:number`, or None. The number counts stanzas in .sources and lines in .list."""
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
