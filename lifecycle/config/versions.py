"""Versions of kernels and drivers, and version ranges; their forms in component.yaml."""

import re
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Annotated, Self

from pydantic import AfterValidator

from lifecycle.config.schema import formed, shown

_OPERATORS = {">=": ge, "<=": le, "!=": ne, "==": eq, ">": gt, "<": lt}
_CLAUSE = re.compile(r"\s*(>=|<=|!=|==|>|<)\s*([0-9]{1,9}(?:\.[0-9]{1,9}){0,9})\s*")
# The names of an architecture in kernel releases: Debian's, and `uname -m`.
_MACHINES = {"amd64": "amd64|x86_64", "arm64": "arm64|aarch64"}
_LINUX = re.compile(r"(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)+)")
DRIVER_BRANCH = re.compile(r"[0-9]{3}")
DRIVER_EXACT = re.compile(r"[0-9]{3}\.[0-9]{2,3}(?:\.[0-9]{2})?")


def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of a version such as `6.1.192`, as a sort key. Trailing zeros do not count."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", version)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def linux_version(package_version: str) -> str:
    """Return the upstream Linux version (`6.1.192`) of a kernel package's version (`6.1.192-2`, `7.3.4-1~bpo13+1`).

    Debian Policy 5.6.12: `[epoch:]upstream_version[-debian_revision]`. Raises ValueError if there is none.
    """
    match = _LINUX.match(package_version)
    if not match:
        msg = f"{package_version!r} does not start with a Linux version such as 6.1.192"
        raise ValueError(msg)
    return match[1]


def kernel_name(release: str, architecture: str) -> str:
    """Return a kernel release (`uname -r`) followed by the architecture, unless the release contains it.

    Two architectures may have kernels of one release, such as `6.12.25-gardener-custom`. They never share this name.
    """
    names = _MACHINES.get(architecture, re.escape(architecture))
    named = re.search(rf"(?<![A-Za-z0-9])({names})(?![A-Za-z0-9])", release)
    return release if named else f"{release}-{architecture}"


def driver_branch(version: str) -> str:
    """Return the driver branch of a driver version: `535` of `535.309.01`."""
    return version.split(".", 1)[0]


@dataclass(frozen=True)
class VersionRange:
    """A union of version ranges: `>=6.1.190,<6.2 | >=6.12.97` (comma is "and", bar is "or")."""

    text: str
    alternatives: tuple[tuple[tuple[str, tuple[int, ...]], ...], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a range. Raises ValueError, with a sentence for the user, for a malformed one."""
        alternatives = []
        for alternative in text.split("|"):
            clauses = []
            for clause in alternative.split(","):
                match = _CLAUSE.fullmatch(clause)
                if not match:
                    msg = (
                        f"{clause.strip()!r} is not a range: write an operator and a version, such as '>=6.1.190,<6.2'"
                    )
                    raise ValueError(msg)
                clauses.append((match[1], version_key(match[2])))
            alternatives.append(tuple(clauses))
        return cls(text, tuple(alternatives))

    def __contains__(self, version: str) -> bool:
        key = version_key(version)
        return any(
            all(_OPERATORS[operator](key, bound) for operator, bound in clauses) for clauses in self.alternatives
        )


def _driver_version(value: str) -> str:
    if DRIVER_BRANCH.fullmatch(value) or DRIVER_EXACT.fullmatch(value):
        return value
    remedy = "write a branch such as '535' (its newest) or an exact version such as 535.309.01"
    msg = f"{shown(value)} is not a driver version: {remedy}"
    raise ValueError(msg)


def _version_range(value: str) -> str:
    VersionRange.parse(value)
    return value


DriverVersion = Annotated[str, AfterValidator(_driver_version)]
Range = Annotated[str, AfterValidator(_version_range)]
Flavour = Annotated[str, formed(r"[a-z0-9]+", "the flavour of a kernel: write small letters and digits, such as cloud")]
KernelRelease = Annotated[
    str,
    formed(
        r"[0-9]+(\.[0-9]+)+[A-Za-z0-9.+~_-]*", "a kernel release: write that of `uname -r`, such as 6.12.60-cloud-amd64"
    ),
]
Kernel = Annotated[
    str,
    formed(
        r"newest|[0-9]+(\.[0-9]+)+[A-Za-z0-9.+~-]*",
        "a kernel: write newest, or a kernel release (`uname -r`) such as 6.1.0-56-cloud-amd64",
    ),
]
