"""A reader of Module.symvers: the symbols that a kernel exports, with their CRC, export type and namespace.

Each line is a symbol, with tabs between the fields CRC, name, module, export type and (since Linux 5.4) namespace.
Source: Linux, Documentation/kbuild/modules.rst, "Symbols and CRCs".
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import InstallerError
from lifecycle.tools.deb import deb_files

_FIELDS = 4


@dataclass(frozen=True, kw_only=True)
class Export:
    """An exported symbol; `namespace` is empty for a symbol without one."""

    crc: int
    gpl_only: bool
    namespace: str


@dataclass(frozen=True)
class Symvers:
    """The symbols that a kernel and its own modules export, by name."""

    exports: Mapping[str, Export]

    @property
    def has_crcs(self) -> bool:
        """True if the kernel was built with CONFIG_MODVERSIONS. Otherwise all CRCs are 0."""
        return any(export.crc for export in self.exports.values())


class InvalidSymversError(InstallerError):
    """A Module.symvers with an invalid line."""

    def __init__(self, source: str, number: int, line: str) -> None:
        super().__init__(
            f"{source}:{number}: {line[:80]!r} is not a line of a Module.symvers",
            resolution="The headers package is damaged, or its format is unknown to this program.",
        )


def parse_symvers(lines: Iterable[str], *, source: str) -> Symvers:
    """Parse the lines of a Module.symvers; `source` names the file in errors. Raises InvalidSymversError."""
    exports = {}
    for number, line in enumerate(lines, start=1):
        fields = line.rstrip("\n").split("\t")
        try:
            crc, name, _, kind = fields[:_FIELDS]
            exports[name] = Export(
                crc=int(crc, 16),
                gpl_only=kind.startswith("EXPORT_SYMBOL_GPL"),
                namespace=fields[_FIELDS] if len(fields) > _FIELDS else "",
            )
        except ValueError as error:
            raise InvalidSymversError(source, number, line) from error
    return Symvers(exports)


class SymversNotFoundError(InstallerError):
    """Headers packages without a Module.symvers."""

    def __init__(self, packages: Sequence[str]) -> None:
        super().__init__(
            f"none of {', '.join(packages)} contains a Module.symvers",
            resolution="They are not the headers of a kernel: check sources.packages.headers in component.yaml.",
        )


def symvers_of_headers(packages: Mapping[str, Path]) -> Symvers:
    """Return the first Module.symvers in the headers packages of a kernel (.deb files by name).

    Raises SymversNotFoundError, InvalidSymversError, UnreadablePackageError.
    """
    for name, path in packages.items():
        with deb_files(path) as files:
            for member in files:
                found = (
                    files.extractfile(member) if member.name.endswith("/Module.symvers") and member.isreg() else None
                )
                if found is not None:
                    lines = io.StringIO(found.read().decode(errors="replace"))
                    return parse_symvers(lines, source=f"{name}: Module.symvers")
    raise SymversNotFoundError(list(packages))


def read_symvers(path: Path) -> Symvers:
    """Read a Module.symvers file. Raises InvalidSymversError."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return parse_symvers(file, source=str(path))
