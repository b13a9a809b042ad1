"""An HTTP server with the APIs of GitHub and GitLab for pull requests and releases, as their public documentation describes them.

GitHub: docs.github.com/rest/pulls/pulls, version 2022-11-28. GitLab: docs.gitlab.com/api/merge_requests, v4. Releases are those of
tests/support/forge_releases.py.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.forge_releases import Answer, ForgeReleases
from tests.support.serving import serving

TOKEN = "ghp-4711"  # noqa: S105 - of nothing but this
JOB_TOKEN = "glcbt-4713"  # noqa: S105 - as is this
_GITHUB = re.compile(r"/api/v3/repos/(?P<project>[^/]+/[^/]+)/pulls(?:/(?P<number>\d+))?")
_GITLAB = re.compile(r"/api/v4/projects/(?P<project>[^/]+)/merge_requests(?:/(?P<number>\d+))?")

_PROJECT = re.compile(r"/api/v3/repos/[^/]+/[^/]+|/api/v4/projects/[^/]+")


@dataclass
class ForgeServer:
    """A running forge: its host, its pull or merge requests and releases, and the method and path of each HTTP request to it.

    The first answers are those of `refusals`, each a status and a body.
    """

    host: str = ""
    releases: ForgeReleases = field(default_factory=ForgeReleases)
    refusals: list[tuple[int, bytes]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    # The rights of the token's user in every project, as the forge's API tells them.
    permissions: dict[str, Any] | None = None
    # What somebody else opens right after the next list was answered.
    rival: dict[str, Any] | None = None

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:  # noqa: ANN401
        """Return the status and the JSON of the answer to a request."""
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append((method, parts.path))
        if parts.path.startswith("/api/v4/"):
            if headers.get("PRIVATE-TOKEN") != TOKEN and headers.get("JOB-TOKEN") != JOB_TOKEN:
                return 401, {"message": "401 Unauthorized"}
            found = self.releases.gitlab(method, parts.path, query, body)
        else:
            if headers.get("Authorization") != f"Bearer {TOKEN}":
                return 401, {"message": "Bad credentials", "documentation_url": "https://docs.github.com/rest"}
            assert headers["Accept"] == "application/vnd.github+json"
            assert headers["X-GitHub-Api-Version"] == "2022-11-28"
            found = self.releases.github(method, parts.path, query, body)
        return found or self._requests(method, parts.path, query, json.loads(body) if body else {})

    def _requests(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Answer:
        if match := _GITHUB.fullmatch(path):
            return self._github(method, match["project"], match["number"], query, body)
        if match := _GITLAB.fullmatch(path):
            return self._gitlab(method, match["project"], match["number"], query, body)
        if method == "GET" and self.permissions is not None and _PROJECT.fullmatch(path):
            return 200, {"permissions": self.permissions}
        return 404, {"message": "Not Found"}

    def _github(
        self, method: str, project: str, number: str | None, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, object]:
        if method == "GET":
            owner, _, branch = query["head"].partition(":")
            assert owner == project.partition("/")[0]
            return 200, self._listed(branch, query["base"], {"open": True}[query["state"]])
        if method == "PATCH":
            return 200, self._changed(number, {"title": body["title"], "body": body["body"]})
        if self._listed(body["head"], body["base"], True):
            message = f"A pull request already exists for {project.partition('/')[0]}:{body['head']}."
            errors = [{"resource": "PullRequest", "code": "custom", "message": message}]
            return 422, {"message": "Validation Failed", "errors": errors}
        return 201, self._added(
            body["head"], body["base"], {"title": body["title"], "body": body["body"]}, f"{project}/pull"
        )

    def _gitlab(
        self, method: str, project: str, number: str | None, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, object]:
        if method == "GET":
            return 200, self._listed(query["source_branch"], query["target_branch"], {"opened": True}[query["state"]])
        if method == "PUT":
            return 200, self._changed(number, {"title": body["title"], "body": body["description"]})
        if found := self._listed(body["source_branch"], body["target_branch"], True):
            message = f"Another open merge request already exists for this source branch: !{found[0]['iid']}"
            return 409, {"message": [message]}
        texts = {"title": body["title"], "body": body["description"]}
        path = f"{project.replace('%2F', '/')}/-/merge_requests"
        return 201, self._added(body["source_branch"], body["target_branch"], texts, path)

    def _listed(self, branch: str, base: str, is_open: bool) -> list[dict[str, Any]]:
        found = [r for r in self.requests if (r["branch"], r["base"], r["open"]) == (branch, base, is_open)]
        if self.rival:
            self.requests.append(self.rival)
            self.rival = None
        return found

    def _added(self, branch: str, base: str, texts: dict[str, Any], path: str) -> dict[str, Any]:
        number = len(self.requests) + 1
        url = f"http://{self.host}/{path}/{number}"
        made = {"number": number, "iid": number, "html_url": url, "web_url": url}
        self.requests.append({**made, "branch": branch, "base": base, "open": True, **texts})
        return self.requests[-1]

    def _changed(self, number: str | None, texts: dict[str, Any]) -> dict[str, Any]:
        request = next(r for r in self.requests if str(r["number"]) == number)
        request.update(texts)
        return request


@contextmanager
def forge_server() -> Iterator[ForgeServer]:
    """Start a forge on loopback, and stop it at the end."""
    forge = ForgeServer()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if forge.refusals:
                status, answer = forge.refusals.pop(0)
            else:
                status, said = forge.answer(self.command, self.path, self.headers, body)
                answer = b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = serve  # noqa: N815 - http.server's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge.host = forge.releases.host = f"127.0.0.1:{server.server_port}"
    with serving(server):
        yield forge
