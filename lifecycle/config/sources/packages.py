"""Names of Debian packages: the entries of component.yaml, and the lists dockerfiles/*/packages that bases are made of."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from lifecycle.config.placeholders import PLACEHOLDER, check_placeholders
from lifecycle.config.schema import Architecture, formed, shown
from lifecycle.config.validation import read_text
from lifecycle.errors import ConfigurationError

# Debian Policy 5.6.1 (the name of a package), 7.1 (`package [architecture …]`).
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")
# Those of Debian 12 and 13, and of their ports (wiki.debian.org/SupportedArchitectures).
_ARCHITECTURES = re.compile(
    r"amd64|arm64|armel|armhf|i386|mips64el|mipsel|ppc64el|riscv64|s390x"
    r"|alpha|arc|hppa|hurd-amd64|hurd-i386|ia64|loong64|m68k|powerpc|ppc64|sh4|sparc64|x32"
)
_ENTRY = re.compile(r"(\S+)(?:\s*\[\s*([^\[\]]*?)\s*\])?")


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


def parse_entry(entry: str) -> tuple[str, frozenset[str]]:
    """Return the package of an entry and its architectures: `libx [amd64]`. Without any, it is for all.

    Raises ValueError, with a sentence for the user, for anything else that a `Depends` field of Debian may contain.
    """
    match = _ENTRY.fullmatch(entry.strip())
    name, architectures = (match[1], (match[2] or "").split()) if match else ("", [])
    unknown = [architecture for architecture in architectures if not _ARCHITECTURES.fullmatch(architecture)]
    problem = ""
    if "|" in entry or "," in entry:
        problem = "names alternatives or several packages: write one package in each entry"
    elif re.search(r"[()<>=]", entry):
        problem = "restricts versions or profiles: write the name alone, versions.lock has the version"
    elif unknown:
        problem = (
            f"names the unknown architecture {unknown[0]!r}: write Debian's names, such as {' or '.join(Architecture)}"
        )
    elif match and match[2] == "":
        problem = "names no architecture: remove the brackets, or write those that have the package"
    elif not _NAME.fullmatch(name):
        problem = "is not a package name: write a name in small letters such as libcuda1, or libcuda1 [amd64]"
    if problem:
        msg = f"{shown(entry)} {problem}"
        raise ValueError(msg)
    return name, frozenset(architectures)


def _check_entry(value: str) -> str:
    parse_entry(value)
    return value


# A package with the architectures that have it, and a package alone.
PackageEntry = Annotated[str, AfterValidator(_check_entry)]
PackageName = Annotated[str, formed(_NAME.pattern, "a package name: write a name in small letters, such as nvidia-smi")]


def package_template(*names: str, required: Sequence[str] = ()) -> AfterValidator:
    """Return a validator of a package name with these placeholders; the `required` ones occur once."""

    def check(value: str) -> str:
        check_placeholders(value, names, required=required)
        if not _NAME.fullmatch(PLACEHOLDER.sub("x", value)):
            msg = f"{shown(value)} is not a package name: write small letters, digits and +.-, and the placeholders"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


def for_architecture(entries: Iterable[str], architecture: str) -> list[str]:
    """Return the names of the `package [architecture …]` entries that are wanted for an architecture."""
    return [name for name, only in map(parse_entry, entries) if not only or architecture in only]


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
        if not line:
            continue
        try:
            name, architectures = parse_entry(line.removeprefix("-"))
        except ValueError as error:
            problems.append(f"{path.parent.name}/{path.name}:{number}: {error}")
            continue
        (leave_out if line.startswith("-") else include).append(name)
        if architectures:
            only[name] = architectures
    if not include and not problems:
        problems.append(f"{path.parent.name}/{path.name}: names no package: restore it from git")
    if problems:
        raise ConfigurationError(problems)
    return PackageList(include=tuple(include), leave_out=tuple(leave_out), only=only)
