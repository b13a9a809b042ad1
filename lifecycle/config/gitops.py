"""The `gitops` section of component.yaml: the repository that clusters deploy from, and the keys that an image sets. Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from lifecycle.config.schema import Model
from lifecycle.yamledit.key_path import KeyPath

# The placeholders of a template, each with an example. Their values come from a combination and its published image.
PLACEHOLDERS = (
    "release",  # debian-13
    "osVersion",  # 13: the part of a release's name after the family
    "channel",  # current
    "architecture",  # amd64
    "kernel",  # 6.12.118+deb13-cloud-amd64
    "driver",  # 550.163.01
    "branch",  # 550
    "image",  # registry/repository
    "tag",  # the image's immutable tag
    "digest",  # sha256:…
    "reference",  # registry/repository@sha256:…
    "version",  # of the component
)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a validated template with its placeholders replaced. Raises KeyError if `values` lacks one."""
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _template(value: str) -> str:
    unknown = [name for name in _PLACEHOLDER.findall(value) if name not in PLACEHOLDERS]
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        msg = f"unknown placeholder {{{unknown[0]}}}: write one of {names}"
        raise ValueError(msg)
    return value


def _inner_path(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.name:
        msg = f"{value!r} is not a path inside the repository: write it from the repository's root, without `..`"
        raise ValueError(msg)
    return value


def _key_path(value: str) -> str:
    KeyPath.parse(value)
    return value


def _address(value: str) -> str:
    if urlsplit(value).password is not None:
        msg = "it contains a password: remove it, and set INVOKE_GITOPS_USERNAME and INVOKE_GITOPS_TOKEN instead"
        raise ValueError(msg)
    return value


Template = Annotated[str, AfterValidator(_template)]
FilePath = Annotated[str, AfterValidator(_template), AfterValidator(_inner_path)]
Keys = Annotated[str, AfterValidator(_template), AfterValidator(_key_path)]


class Mode(StrEnum):
    """The way of a change to the branch: a pull request from a branch of our own, or a commit on the branch itself."""

    PULL_REQUEST = "pull-request"
    COMMIT = "commit"


class ForgeKind(StrEnum):
    """The kind of API that opens pull requests."""

    GITHUB = "github"
    GITLAB = "gitlab"


class ValuesFiles(Model):
    """Keys of a file that a combination sets. `file`, the keys and their values are templates.

    `only` selects combinations, as `--only` does: if a file is for one driver, name the driver here.
    """

    file: FilePath
    only: str = ""
    set: dict[Keys, Template] = Field(min_length=1)


class NodePools(Model):
    """Node pools that are numbered, such as `infer-s-v1`: the items of the list `workers` whose `name` matches `match`.

    `file` may contain `*` for several clusters. `only` selects the one combination that new nodes run; `set` has the keys of a
    pool that name it.
    """

    file: Annotated[str, AfterValidator(_inner_path)]
    workers: Annotated[str, AfterValidator(_key_path)] = "spec.provider.workers"
    match: str = "*"
    only: str = "current"
    set: dict[Keys, Template] = Field(min_length=1)


class GitOps(Model):
    """The repository that clusters deploy from (by HTTPS, SSH or a path), and the branch that they follow.

    `forge` and `api` name the API that opens pull requests, for hosts whose name does not tell.
    """

    repository: Annotated[str, Field(min_length=1), AfterValidator(_address)]
    branch: str = Field(default="main", pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")
    mode: Mode = Mode.PULL_REQUEST
    forge: ForgeKind | None = None
    api: str | None = Field(default=None, pattern=r"^https?://\S+$")
    values: list[ValuesFiles] = Field(min_length=1)
    pools: list[NodePools] = []
