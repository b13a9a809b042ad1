"""Pull requests at a code forge: GitHub, GitHub Enterprise and GitLab, by their REST APIs.

Sources: GitHub REST API 2022-11-28, "Pulls" (docs.github.com/rest/pulls/pulls); GitLab REST API v4, "Merge requests"
(docs.gitlab.com/api/merge_requests).
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit

from lifecycle.config.gitops import ForgeKind
from lifecycle.gitops.forge_api import ForgeApi, ForgeRefusedError
from lifecycle.tools.network.retries import REQUESTS, RetryPolicy

_SCP = re.compile(r"(?:[^@/]+@)?(?P<host>[^:/]+):(?P<path>(?!/).+)")


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request: its address, and whether it existed before (`known`)."""

    url: str
    known: bool


@dataclass(frozen=True, kw_only=True)
class Project:
    """A repository at a forge: `host` with its port, and `path` as `group/name`."""

    kind: ForgeKind
    host: str
    path: str
    scheme: str = "https"

    def compare_url(self, base: str, branch: str) -> str:
        """Return the address at which a person opens a pull request for a branch."""
        at = f"{self.scheme}://{self.host}/{self.path}"
        if self.kind is ForgeKind.GITHUB:
            return f"{at}/compare/{quote(base)}...{quote(branch)}?expand=1"
        query = {"merge_request[source_branch]": branch, "merge_request[target_branch]": base}
        return f"{at}/-/merge_requests/new?{urlencode(query)}"


class Forge(Protocol):
    """A forge that opens pull requests."""

    def propose(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request for a branch, or update the texts of the open one. Raises ForgeRefusedError."""


def parse_project(address: str, kind: ForgeKind | None) -> Project | None:
    """Return the project at a repository's address. None for a path, and for a host of unknown kind."""
    parts = urlsplit(address)
    match = None if "://" in address else _SCP.fullmatch(address)
    if parts.scheme in ("http", "https"):
        scheme, host, path = parts.scheme, parts.netloc.rpartition("@")[2], parts.path
    elif parts.scheme == "ssh" and parts.hostname:
        # The port is sshd's, and says nothing of the web server's.
        scheme, host, path = "https", parts.hostname, parts.path
    elif match:
        scheme, host, path = "https", match["host"], match["path"]
    else:
        return None
    kind = kind or next((known for known in ForgeKind if str(known) in host), None)
    path = path.strip("/").removesuffix(".git")
    return Project(kind=kind, host=host, path=path, scheme=scheme) if kind and "/" in path else None


def open_forge(project: Project, token: str, *, api: str | None, policy: RetryPolicy = REQUESTS) -> Forge:
    """Return the API of a project's forge; `api` is its address if it is not the usual one."""
    if project.kind is ForgeKind.GITHUB:
        usual = (
            "https://api.github.com" if project.host == "github.com" else f"{project.scheme}://{project.host}/api/v3"
        )
        return GitHub(project, ForgeApi(project.host, api or usual, _github_headers(token), policy))
    usual = f"{project.scheme}://{project.host}/api/v4"
    return GitLab(project, ForgeApi(project.host, api or usual, {"PRIVATE-TOKEN": token}, policy))


def _github_headers(token: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }


class _Requests(ABC):
    """The common part of GitHub and GitLab: update the open request of a branch, or open one."""

    def propose(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open or update a request, as `Forge.propose` describes."""
        known = self.open_one(branch, base)
        if known is None:
            try:
                return PullRequest(url=self.create(branch, base, title, body), known=False)
            except ForgeRefusedError:
                # Another one may have been opened meanwhile; then this one is refused.
                known = self.open_one(branch, base)
                if known is None:
                    raise
        return PullRequest(url=self.update(known, title, body), known=True)

    @abstractmethod
    def open_one(self, branch: str, base: str) -> int | None:
        """Return the number of a branch's open request, or None."""

    @abstractmethod
    def create(self, branch: str, base: str, title: str, body: str) -> str:
        """Open a request, and return its address."""

    @abstractmethod
    def update(self, number: int, title: str, body: str) -> str:
        """Change the texts of a request, and return its address."""


@dataclass(frozen=True)
class GitHub(_Requests):
    """Pull requests of a repository."""

    project: Project
    api: ForgeApi

    @property
    def _pulls(self) -> str:
        return f"repos/{self.project.path}/pulls"

    def open_one(self, branch: str, base: str) -> int | None:
        """Send the request of the base class to this forge."""
        head = f"{self.project.path.partition('/')[0]}:{branch}"
        query = {"head": head, "base": base, "state": "open"}
        found = self.api.ask("GET", self._pulls, "list the pull requests", params=query)
        return found[0].number if found else None

    def create(self, branch: str, base: str, title: str, body: str) -> str:
        """Send the request of the base class to this forge."""
        new = {"head": branch, "base": base, "title": title, "body": body}
        return self.api.ask_one("POST", self._pulls, "open a pull request", new)

    def update(self, number: int, title: str, body: str) -> str:
        """Send the request of the base class to this forge."""
        texts = {"title": title, "body": body}
        return self.api.ask_one("PATCH", f"{self._pulls}/{number}", "update the pull request", texts)


@dataclass(frozen=True)
class GitLab(_Requests):
    """Merge requests of a project."""

    project: Project
    api: ForgeApi

    @property
    def _requests(self) -> str:
        return f"projects/{quote(self.project.path, safe='')}/merge_requests"

    def open_one(self, branch: str, base: str) -> int | None:
        """Send the request of the base class to this forge."""
        query = {"source_branch": branch, "target_branch": base, "state": "opened"}
        found = self.api.ask("GET", self._requests, "list the merge requests", params=query)
        return found[0].number if found else None

    def create(self, branch: str, base: str, title: str, body: str) -> str:
        """Send the request of the base class to this forge."""
        texts = {"title": title, "description": body, "remove_source_branch": True}
        new = {**texts, "source_branch": branch, "target_branch": base}
        return self.api.ask_one("POST", self._requests, "open a merge request", new)

    def update(self, number: int, title: str, body: str) -> str:
        """Send the request of the base class to this forge."""
        texts = {"title": title, "description": body}
        return self.api.ask_one("PUT", f"{self._requests}/{number}", "update the merge request", texts)
