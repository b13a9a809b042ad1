"""The release APIs of GitHub and GitLab for the forge of the tests, as their public documentation describes them.

GitHub: docs.github.com/rest/releases, version 2022-11-28. GitLab: docs.gitlab.com/api/releases, api/releases/links,
api/packages and user/packages/generic_packages, v4.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, object]
_GITHUB = re.compile(r"/api/(?P<api>v3|uploads)/repos/(?P<project>[^/]+/[^/]+)/releases(?P<rest>/.*)?")
_GITLAB = re.compile(r"/api/v4/projects/(?P<project>[^/]+)/(?P<rest>(?:releases|packages)(?:/.*)?)")
# Other characters are replaced in the name of a file.
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*[A-Za-z0-9]")
_LONGEST = 125_000


@dataclass
class ForgeReleases:
    """The releases of one project, each with its files by name, and the files of GitLab's packages.

    `host` is the server's, `uploads` that of GitHub's uploads if it is another one. `cut_off` has the names of files whose upload
    breaks off at the server; `on_upload` is called with the name of each file before it is stored. `immutable` locks the files of
    published releases. Without `digests` the server is an older one.
    """

    host: str = ""
    uploads: str = ""
    kept: list[dict[str, Any]] = field(default_factory=list)
    packages: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    cut_off: set[str] = field(default_factory=set)
    on_upload: Callable[[str], None] = lambda _: None
    immutable: bool = False
    digests: bool = True

    def github(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer | None:
        """Return the answer to a request to GitHub; None for a path of another API."""
        match = _GITHUB.fullmatch(path)
        if not match:
            return None
        parts = (match["rest"] or "").strip("/").split("/")
        if match["api"] == "uploads":
            return self._github_upload(self._by_id(parts[0]), query["name"], body)
        if method == "GET":
            return self._github_read(parts, query)
        match method, parts:
            case "POST", [""]:
                return self._github_create(match["project"], json.loads(body))
            case "DELETE", ["assets", number]:
                for release in self.kept:
                    release["files"] = [f for f in release["files"] if str(f["id"]) != number]
                return 204, None
            case "PATCH", [number]:
                return self._github_change(self._by_id(number), json.loads(body))
        return 404, {"message": "Not Found"}

    def _github_read(self, parts: list[str], query: dict[str, str]) -> Answer:
        if parts[0] == "tags":
            found = next((r for r in self.kept if r["tag_name"] == parts[1] and not r["draft"]), None)
            return (200, found) if found else (404, {"message": "Not Found"})
        listed = self._by_id(parts[0])["files"] if parts[0] else self.kept
        page, size = int(query["page"]), int(query["per_page"])
        return 200, listed[(page - 1) * size : page * size]

    def _github_create(self, project: str, new: dict[str, Any]) -> Answer:
        number = len(self.kept) + 1
        upload = f"{self.uploads or f'http://{self.host}'}/api/uploads/repos/{project}/releases/{number}/assets"
        made = {"id": number, "upload_url": upload + "{?name,label}", "files": [], "tag_name": new["tag_name"]}
        self.kept.insert(0, {**made, "name": None, "body": None, "draft": False})
        return self._github_change(self.kept[0], new)

    def _github_change(self, release: dict[str, Any], texts: dict[str, Any]) -> Answer:
        if len(texts["body"]) > _LONGEST:
            message = f"body is too long (maximum is {_LONGEST} characters)"
            return 422, {"message": "Validation Failed", "errors": [{"code": "custom", "message": message}]}
        # A page of the web writes its own line ends.
        release.update(name=texts["name"], body=texts["body"].replace("\n", "\r\n"), draft=texts["draft"])
        return 200, release

    def _github_upload(self, release: dict[str, Any], name: str, body: bytes) -> Answer:
        assert _SAFE_NAME.fullmatch(name), name
        self.on_upload(name)
        if self.immutable and not release["draft"]:
            return 422, {"message": "Cannot upload assets to an immutable release."}
        if any(f["name"] == name for f in release["files"]):
            return 422, {"message": "Validation Failed", "errors": [{"code": "already_exists", "field": "name"}]}
        file = {"id": self._next(), "name": name, "size": len(body), "state": "uploaded", "content": body.decode()}
        if self.digests:
            file["digest"] = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if name in self.cut_off:
            self.cut_off.discard(name)
            release["files"].append({**file, "size": 0, "state": "starter", "digest": None})
            return 502, {"message": "Server Error"}
        release["files"].append(file)
        self.uploaded.append(name)
        return 201, file

    def _by_id(self, number: str) -> dict[str, Any]:
        return next(r for r in self.kept if str(r["id"]) == number)

    def _next(self) -> int:
        return 100 + len(self.uploaded) + sum(len(r.get("files", [])) for r in self.kept)

    def gitlab(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer | None:
        """Return the answer to a request to GitLab; None for a path of another API."""
        match = _GITLAB.fullmatch(path)
        if not match:
            return None
        match method, match["rest"].split("/"):
            case "PUT", ["packages", "generic", package, version, name]:
                return self._gitlab_upload((package, version), name, body)
            case "GET", ["packages"]:
                named = [key for key in self.packages if query["package_name"] in key[0]]
                return 200, [{"id": self._package(key), "name": key[0], "version": key[1]} for key in named]
            case "GET", ["packages", number, "package_files"]:
                return 200, next(files for key, files in self.packages.items() if str(self._package(key)) == number)
            case "POST", ["releases"]:
                return self._gitlab_create(json.loads(body))
            case _, ["releases", tag, *rest]:
                found = next((r for r in self.kept if r["tag_name"] == tag), None)
                if found:
                    return self._gitlab_release(method, found, rest, json.loads(body) if body else {})
        return 404, {"message": "404 Not Found"}

    def _package(self, key: tuple[str, str]) -> int:
        return [*self.packages].index(key) + 1

    def _gitlab_upload(self, key: tuple[str, str], name: str, body: bytes) -> Answer:
        assert _SAFE_NAME.fullmatch(name), name
        self.on_upload(name)
        if name in self.cut_off:
            return 403, {"message": "403 Forbidden"}
        file = {"id": len(self.uploaded) + 1, "file_name": name, "size": len(body), "content": body.decode()}
        if self.digests:
            file["file_sha256"] = hashlib.sha256(body).hexdigest()
        self.packages.setdefault(key, []).append(file)
        self.uploaded.append(name)
        return 201, {"message": "201 Created"}

    def _gitlab_create(self, new: dict[str, Any]) -> Answer:
        if any(r["tag_name"] == new["tag_name"] for r in self.kept):
            return 409, {"message": "Release already exists"}
        links = [{**link, "id": number} for number, link in enumerate(new["assets"]["links"])]
        self.kept.append({**new, "assets": {"links": links}})
        return 201, self.kept[-1]

    def _gitlab_release(self, method: str, release: dict[str, Any], rest: list[str], new: dict[str, Any]) -> Answer:
        links = release["assets"]["links"]
        match method, rest:
            case "POST", ["assets", "links"]:
                links.append({**new, "id": len(links)})
            case "PUT", ["assets", "links", number]:
                links[int(number)].update(new)
            case "PUT", []:
                release.update(new)
        return 200, release
