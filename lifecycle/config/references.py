"""Names of registries, repositories and images, as a container engine reads them.

Sources: the grammar of distribution/reference ("domain", "path-component", "tag", "digest"), and its rule that a first part
without a dot, a colon or `localhost` is no registry.
"""

import re
from typing import Annotated

from pydantic import AfterValidator

from lifecycle.config.schema import formed, shown

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
REPOSITORY = rf"{_PART}(?:/{_PART})*"
DIGEST = r"sha256:[0-9a-f]{64}"
REFERENCE = re.compile(rf"(?:{_HOST}/)?{REPOSITORY}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{DIGEST})?")
# A base image that is made of a release's packages.
BOOTSTRAP = "bootstrap:"
_REGISTRY = re.compile(_HOST)
_LAST_PORT = 65535


def is_base(value: str) -> bool:
    """Return whether a text can be a base image: an image reference, or `bootstrap:RELEASE`."""
    return value.startswith(BOOTSTRAP) or REFERENCE.fullmatch(value) is not None


def _registry(value: str) -> str:
    scheme, colon, rest = value.partition("://")
    problem = ""
    if colon:
        problem = f"{shown(value)} has a scheme: write {shown(rest.partition('/')[0])} without {shown(scheme + '://')}"
    elif "/" in value:
        problem = f"{shown(value)} has a path: write the host alone, and the path under `repository`"
    elif not _REGISTRY.fullmatch(value) or not _has_valid_port(value):
        problem = f"{shown(value)} is not a registry: write its host, and its port if it has one, as in localhost:5000"
    elif not re.search(r"[.:]", value) and value != "localhost":
        problem = (
            f"{shown(value)} is no full host name, so an engine would send it to Docker Hub: add the domain or the port"
        )
    if problem:
        raise ValueError(problem)
    return value


def _has_valid_port(value: str) -> bool:
    port = value.rpartition("]")[2].partition(":")[2]
    return not port or 0 < int(port) <= _LAST_PORT


RegistryHost = Annotated[str, AfterValidator(_registry)]
Repository = Annotated[
    str,
    formed(
        REPOSITORY, "the path of a repository: write small letters and digits, joined by / . _ or -, as in team/app"
    ),
]
