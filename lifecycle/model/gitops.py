"""The `gitops` section of component.yaml: the repository that clusters read, and which of its keys an image sets. Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from lifecycle.model.key_path import KeyPath
from lifecycle.model.schema import Model

# What a template may name, of the combination that it is filled in for.
PLACEHOLDERS = (
    "release",  # debian-13
    "osVersion",  # 13: what follows the family in a release's name
    "channel",  # current
    "architecture",  # amd64
    "kernel",  # 6.12.118+deb13-cloud-amd64
    "driver",  # 550.163.01
    "branch",  # 550
    "image",  # registry/repository
    "tag",  # the tag that leads to this very image
    "digest",  # sha256:…
    "reference",  # registry/repository@sha256:…
    "version",  # the component's
)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """A template with its placeholders filled in; all of them have values: `check` has seen to it."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _template(value: str) -> str:
    unknown = [name for name in _PLACEHOLDER.findall(value) if name not in PLACEHOLDERS]
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        msg = f"there is no {{{unknown[0]}}}: write one of {names}"
        raise ValueError(msg)
    return value


def _inner_path(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.name:
        msg = f"{value!r} is no path inside the repository: write it from the repository's root, without `..`"
        raise ValueError(msg)
    return value


def _key_path(value: str) -> str:
    KeyPath.parse(value)
    return value


def _address(value: str) -> str:
    if urlsplit(value).password is not None:
        msg = "it holds a password: take it out, and set INVOKE_GITOPS_USERNAME and INVOKE_GITOPS_TOKEN instead"
        raise ValueError(msg)
    return value


Template = Annotated[str, AfterValidator(_template)]
FilePath = Annotated[str, AfterValidator(_template), AfterValidator(_inner_path)]
Keys = Annotated[str, AfterValidator(_template), AfterValidator(_key_path)]


class Mode(StrEnum):
    """How a change reaches the branch: on a branch of its own, to be merged; or as a commit right on it."""

    PULL_REQUEST = "pull-request"
    COMMIT = "commit"


class ForgeKind(StrEnum):
    """Whose API makes the pull request."""

    GITHUB = "github"
    GITLAB = "gitlab"


class ValuesFiles(Model):
    """Files and the keys in them that a combination sets: `file`, its keys and values are templates.

    `only` selects combinations, as `--only` does: where a file holds one driver, name it here.
    """

    file: FilePath
    only: str = ""
    set: dict[Keys, Template] = Field(min_length=1)


class NodePools(Model):
    """Pools of nodes that count up: items of the list `workers` of a file, those whose `name` fits `match`.

    `file` may hold `*` for several clusters. `only` selects the one combination that new nodes are to run; `set` are the keys
    of a pool that say so.
    """

    file: Annotated[str, AfterValidator(_inner_path)]
    workers: Annotated[str, AfterValidator(_key_path)] = "spec.provider.workers"
    match: str = "*"
    only: str = "current"
    set: dict[Keys, Template] = Field(min_length=1)


class GitOps(Model):
    """Where clusters read their values: a repository by HTTPS, SSH or a path, and the branch that they follow.

    `forge` and `api` say whose API makes pull requests where the host's name does not.
    """

    repository: Annotated[str, Field(min_length=1), AfterValidator(_address)]
    branch: str = Field(default="main", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
    mode: Mode = Mode.PULL_REQUEST
    forge: ForgeKind | None = None
    api: str | None = Field(default=None, pattern=r"^https?://\S+$")
    values: list[ValuesFiles] = Field(min_length=1)
    pools: list[NodePools] = []
