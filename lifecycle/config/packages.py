"""dockerfiles/*/packages: the Debian packages that a base image is bootstrapped from, one per line."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.config.validation import read_text
from lifecycle.errors import ConfigurationError

# Debian Policy 5.6.1 and 7.1 (`package [architecture]`), with our own leading `-` for a package to leave out.
_LINE = re.compile(r"(-?)([a-z0-9][a-z0-9+.-]+)(?:\s+\[([a-z0-9]+(?: [a-z0-9]+)*)\])?")


@dataclass(frozen=True, kw_only=True)
class PackageList:
    """Packages to install with their dependencies (`include`), and packages to remove from the result (`leave_out`).

    `only` has the architectures of those packages in `include` that are not for all: of the image, or, in a builder, of the
    modules that it compiles.
    """

    include: tuple[str, ...]
    leave_out: tuple[str, ...]
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def included(self, architectures: Iterable[str]) -> list[str]:
        """Return the packages that are wanted for any of the architectures."""
        wanted = {*architectures}
        return [name for name in self.include if name not in self.only or self.only[name] & wanted]


def for_architecture(entries: Iterable[str], architecture: str) -> list[str]:
    """Return the names of the `package [architecture …]` entries that are wanted for an architecture."""
    names = []
    for entry in entries:
        name, _, rest = entry.partition(" ")
        if not rest or architecture in rest.strip(" []").split():
            names.append(name)
    return names


def load_package_list(path: Path) -> PackageList:
    """Read a package list: one name per line, optionally with `[architecture]`; `-name` leaves one out; `#` starts a comment.

    Raises ConfigurationError with every malformed line.
    """
    include: list[str] = []
    leave_out: list[str] = []
    only: dict[str, frozenset[str]] = {}
    problems = []
    for number, raw in enumerate(read_text(path).splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        match = _LINE.fullmatch(line)
        if match:
            (leave_out if match[1] else include).append(match[2])
            if match[3]:
                only[match[2]] = frozenset(match[3].split())
        elif line:
            problems.append(
                f"{path.parent.name}/{path.name}:{number}: {line!r} is not a package name: write one name per line"
            )
    if not include and not problems:
        problems.append(f"{path.parent.name}/{path.name}: names no package: restore it from git")
    if problems:
        raise ConfigurationError(problems)
    return PackageList(include=tuple(include), leave_out=tuple(leave_out), only=only)
