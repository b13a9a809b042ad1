"""A repository at a code forge, by the address that git has for it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlencode, urlsplit

_SCP = re.compile(r"(?:[^@/]+@)?(?P<host>[^:/]+):(?P<path>(?!/).+)")


class ForgeKind(StrEnum):
    """The kind of a forge's API."""

    GITHUB = "github"
    GITLAB = "gitlab"


@dataclass(frozen=True, kw_only=True)
class Project:
    """A repository at a forge: `host` with its port, and `path` as `group/name`."""

    kind: ForgeKind
    host: str
    path: str
    scheme: str = "https"

    @property
    def address(self) -> str:
        """The address of the project's page."""
        return f"{self.scheme}://{self.host}/{self.path}"

    def compare_url(self, base: str, branch: str) -> str:
        """Return the address at which a person opens a pull request for a branch."""
        if self.kind is ForgeKind.GITHUB:
            return f"{self.address}/compare/{quote(base)}...{quote(branch)}?expand=1"
        query = {"merge_request[source_branch]": branch, "merge_request[target_branch]": base}
        return f"{self.address}/-/merge_requests/new?{urlencode(query)}"

    def release_url(self, tag: str) -> str:
        """Return the address of the page of a tag's release."""
        return f"{self.address}/{'releases/tag' if self.kind is ForgeKind.GITHUB else '-/releases'}/{quote(tag)}"

    def api_url(self) -> str:
        """Return the usual address of the API: GitHub's, GitHub Enterprise Server's or GitLab's."""
        if self.kind is ForgeKind.GITLAB:
            return f"{self.scheme}://{self.host}/api/v4"
        return "https://api.github.com" if self.host == "github.com" else f"{self.scheme}://{self.host}/api/v3"


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
