"""The challenges of a WWW-Authenticate header: what a server accepts as a login.

Source: RFC 9110, 11.6.1: one header may hold several challenges, and a response several headers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_TOKEN = r"[\w!#$%&'*+.^`|~-]+"  # noqa: S105 - RFC 9110, 5.6.2
# A scheme stands alone; a parameter has a value, quoted or not.
_PART = re.compile(rf'({_TOKEN})(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?')


@dataclass(frozen=True)
class Challenge:
    """One challenge: its scheme and its parameters' names in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """Return the challenges of all WWW-Authenticate headers of a response, in their order."""
    found: list[tuple[str, dict[str, str]]] = []
    for header in headers:
        for part in _PART.finditer(header):
            name, quoted, plain = part.groups()
            if quoted is None and plain is None:
                found.append((name.lower(), {}))
            elif found:
                found[-1][1][name.lower()] = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return [Challenge(scheme, parameters) for scheme, parameters in found]
