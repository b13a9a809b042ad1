"""dockerfiles/*/packages: the Debian packages that a base image is bootstrapped from, one a line."""

import re
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import ConfigurationError
from lifecycle.model.validation import read_text

# Debian Policy 5.6.1, with our own leading `-` for a package to leave out.
_LINE = re.compile(r"(-?)([a-z0-9][a-z0-9+.-]+)")


@dataclass(frozen=True, kw_only=True)
class PackageList:
    """`include` is installed with all it depends on; what of that is in `leave_out` is taken out again."""

    include: tuple[str, ...]
    leave_out: tuple[str, ...]


def load_package_list(path: Path) -> PackageList:
    """Read the file: a package's name a line, `-name` for one to leave out, `#` comments.

    Raises ConfigurationError with every line that is wrong.
    """
    include: list[str] = []
    leave_out: list[str] = []
    problems = []
    for number, raw in enumerate(read_text(path).splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        match = _LINE.fullmatch(line)
        if match:
            (leave_out if match[1] else include).append(match[2])
        elif line:
            problems.append(
                f"{path.parent.name}/{path.name}:{number}: {line!r} is not a package's name: write one a line"
            )
    if not include and not problems:
        problems.append(f"{path.parent.name}/{path.name}: names no package: restore it from git")
    if problems:
        raise ConfigurationError(problems)
    return PackageList(include=tuple(include), leave_out=tuple(leave_out))
