"""The sections of component.yaml about git repositories and the forges that serve them. Pure.

`gitops` is the repository that clusters deploy from, with the keys that an image sets; `release` is a page at a code forge.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from lifecycle.config.placeholders import PLACEHOLDER, check_placeholders
from lifecycle.config.schema import Model, formed, shown
from lifecycle.tools.forge.project import ForgeKind
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
_SCHEMES = ("https", "http", "ssh", "git", "file")
# git-check-ref-format(1), less the characters that shells and forges read otherwise.
_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
# A scheme that git would read as the name of a host (git-clone(1), "GIT URLS").
_ONE_SLASH = re.compile(rf"({'|'.join(_SCHEMES)}):/")
# A host's name in the place of a path's first folder.
_HOST = re.compile(r"([A-Za-z0-9.-]+@)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(:[0-9]+)?|localhost(:[0-9]+)?")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return a validated template with its placeholders replaced. Raises KeyError if `values` lacks one."""
    return PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _template(value: str) -> str:
    return check_placeholders(value, PLACEHOLDERS)


def _inner_path(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.name:
        msg = f"{shown(value)} is not a path inside the repository: write it from the repository's root, without `..`"
        raise ValueError(msg)
    return value


def _key_path(value: str) -> str:
    KeyPath.parse(value)
    return value


def _address(value: str) -> str:
    problem = ""
    if "://" in value:
        problem = _url_problem(value)
    elif match := _ONE_SLASH.match(value):
        problem = f"{shown(value)} has one slash after {shown(match[0][:-1])}: write two, as in {match[1]}://git.example.org/team"
    elif "/" in value and _HOST.fullmatch(value.partition("/")[0]):
        problem = f"{shown(value)} has no scheme: write https:// or ssh:// before it, git@host:path for SSH, or ./ before a folder"
    elif value.startswith("-"):
        problem = f"{shown(value)} is an option of git: write an address, or ./ before a folder"
    if problem:
        raise ValueError(problem)
    return value


def _url_problem(value: str) -> str:
    """Return what is wrong with an address that has a scheme, or ""."""
    try:
        parts = urlsplit(value)
        password, host, _ = parts.password, parts.hostname, parts.port
    except ValueError:
        # The text of the error may quote a part of a password.
        return "its host or port is invalid: write an address such as https://git.example.org/team/gitops.git"
    if password is not None:
        return "it contains a password: remove it, and set INVOKE_GITOPS_USERNAME and INVOKE_GITOPS_TOKEN instead"
    if parts.scheme not in _SCHEMES:
        return f"{parts.scheme}:// is not supported: write one of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}"
    if not host and parts.scheme != "file":
        return "it has no host: write an address such as https://git.example.org/team/gitops.git"
    return ""


def _branch(value: str) -> str:
    if not _BRANCH.fullmatch(value) or re.search(r"\.\.|//|/\.|\.lock(/|$)|[/.]$", value):
        msg = f"{shown(value)} is not the name of a branch: write letters, digits and ._/-, such as main"
        raise ValueError(msg)
    return value


Template = Annotated[str, AfterValidator(_template)]
FilePath = Annotated[str, AfterValidator(_template), AfterValidator(_inner_path)]
Keys = Annotated[str, AfterValidator(_template), AfterValidator(_key_path)]
ApiAddress = Annotated[str, formed(r"https?://\S+", "an address: write one such as https://git.example.org/api/v4")]


class Mode(StrEnum):
    """The way of a change to the branch: a pull request from a branch of our own, or a commit on the branch itself."""

    PULL_REQUEST = "pull-request"
    COMMIT = "commit"


class ValuesFiles(Model):
    """Keys of a file that a combination sets."""

    file: FilePath
    """The path of the file in the repository, with placeholders such as `{release}`."""
    only: str = ""
    """The combinations that set keys of this file, as for `--only`."""
    set: dict[Keys, Template] = Field(min_length=1)
    """The keys and their values, both with placeholders."""


class NodePools(Model):
    """Node pools that are numbered, such as `infer-s-v1`."""

    file: Annotated[str, AfterValidator(_inner_path)]
    """The path of a file; `*` stands for several clusters."""
    workers: Annotated[str, AfterValidator(_key_path)] = "spec.provider.workers"
    """The list of pools in the file."""
    match: str = "*"
    """A glob of the names of the pools."""
    only: str = "current"
    """The one combination that new nodes run."""
    set: dict[Keys, Template] = Field(min_length=1)
    """The keys of a pool that name the combination, and their values with placeholders."""


class GitOps(Model):
    """The repository that clusters deploy from."""

    repository: Annotated[str, Field(min_length=1), AfterValidator(_address)]
    """Its address by HTTPS or SSH, or a path."""
    branch: Annotated[str, AfterValidator(_branch)] = "main"
    """The branch that clusters follow."""
    mode: Mode = Mode.PULL_REQUEST
    """The way of a change to the branch."""
    forge: ForgeKind | None = None
    """The kind of the forge that opens pull requests, if the host's name does not tell."""
    api: ApiAddress | None = None
    """The address of the forge's API, if it is not the usual one."""
    values: list[ValuesFiles] = Field(min_length=1)
    """The files and keys that an image sets."""
    pools: list[NodePools] = []
    """The node pools that get a successor for a new release or driver."""


class ReleasePage(Model):
    """A release at the code forge of the remote `origin`, with notes and SBOMs."""

    forge: ForgeKind | None = None
    """The kind of the forge, if the host's name does not tell."""
    api: ApiAddress | None = None
    """The address of the forge's API, if it is not the usual one."""


# `release:` alone declares the section with its defaults.
DeclaredPage = Annotated[ReleasePage | None, BeforeValidator(lambda value: {} if value is None else value)]
