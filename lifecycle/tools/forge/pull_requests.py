"""Pull requests at a code forge: GitHub, GitHub Enterprise and GitLab, by their REST APIs.

Sources: GitHub REST API 2022-11-28, "Pulls" (docs.github.com/rest/pulls/pulls); GitLab REST API v4, "Merge requests"
(docs.gitlab.com/api/merge_requests).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from pydantic import AliasChoices, BaseModel, Field

from lifecycle.tools.forge.api import ForgeApi, ForgeRefusedError
from lifecycle.tools.forge.project import ForgeKind, Project


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request: its address, and whether it existed before (`known`)."""

    url: str
    known: bool


class PullRequests(Protocol):
    """The pull requests of a project."""

    def propose(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request for a branch, or update the texts of the open one. Raises ForgeRefusedError."""


def pull_requests(project: Project, api: ForgeApi) -> PullRequests:
    """Return the pull requests of a project at its forge."""
    return GitHub(project, api) if project.kind is ForgeKind.GITHUB else GitLab(project, api)


class _OpenRequest(BaseModel):
    """An open pull request in an answer, by GitHub's names or GitLab's."""

    number: int = Field(validation_alias=AliasChoices("number", "iid"))
    url: str = Field(validation_alias=AliasChoices("html_url", "web_url"))


def _first(api: ForgeApi, said: object, what: str) -> int | None:
    """Return the number of the first pull request in a list, or None."""
    found = api.read(list[_OpenRequest], said, what)
    return found[0].number if found else None


def _url(api: ForgeApi, said: object, what: str) -> str:
    """Return the address of the pull request in an answer."""
    return api.read(_OpenRequest, said, what).url


class _Requests(ABC):
    """The common part of GitHub and GitLab: update the open request of a branch, or open one."""

    def propose(self, *, branch: str, base: str, title: str, body: str) -> PullRequest:
        """Open or update a request, as `PullRequests.propose` describes."""
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
        what = "list the pull requests"
        return _first(self.api, self.api.ask("GET", self._pulls, what, params=query), what)

    def create(self, branch: str, base: str, title: str, body: str) -> str:
        """Send the request of the base class to this forge."""
        new = {"head": branch, "base": base, "title": title, "body": body}
        what = "open a pull request"
        return _url(self.api, self.api.ask("POST", self._pulls, what, json=new), what)

    def update(self, number: int, title: str, body: str) -> str:
        """Send the request of the base class to this forge."""
        texts = {"title": title, "body": body}
        what = "update the pull request"
        return _url(self.api, self.api.ask("PATCH", f"{self._pulls}/{number}", what, json=texts), what)


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
        what = "list the merge requests"
        return _first(self.api, self.api.ask("GET", self._requests, what, params=query), what)

    def create(self, branch: str, base: str, title: str, body: str) -> str:
        """Send the request of the base class to this forge."""
        texts = {"title": title, "description": body, "remove_source_branch": True}
        new = {**texts, "source_branch": branch, "target_branch": base}
        what = "open a merge request"
        return _url(self.api, self.api.ask("POST", self._requests, what, json=new), what)

    def update(self, number: int, title: str, body: str) -> str:
        """Send the request of the base class to this forge."""
        texts = {"title": title, "description": body}
        what = "update the merge request"
        return _url(self.api, self.api.ask("PUT", f"{self._requests}/{number}", what, json=texts), what)
