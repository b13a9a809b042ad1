"""Releases of a GitLab project. Their files are those of a generic package of the project, which the release links to.

Sources: GitLab REST API v4, "Releases" (docs.gitlab.com/api/releases), "Release links" (docs.gitlab.com/api/releases/links),
"Packages" (docs.gitlab.com/api/packages), "Generic packages" (docs.gitlab.com/user/packages/generic_packages).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from pydantic import BaseModel

from lifecycle.tools.forge.api import ForgeApi
from lifecycle.tools.forge.project import Project
from lifecycle.tools.forge.releases import Asset, WantedRelease, same_text


class _Link(BaseModel):
    id: int
    name: str
    url: str


class _Assets(BaseModel):
    links: list[_Link] = []


class _Release(BaseModel):
    tag_name: str
    name: str | None = None
    description: str | None = None
    assets: _Assets = _Assets()


class _Package(BaseModel):
    id: int
    name: str
    version: str | None = None


class _File(BaseModel):
    """A file of a package; older servers name no sha256."""

    id: int
    file_name: str
    size: int
    file_sha256: str | None = None


@dataclass(frozen=True)
class GitLabReleases:
    """The releases of a project."""

    project: Project
    api: ForgeApi
    # GitLab, app/models/release.rb and lib/gitlab/database.rb: MAX_TEXT_SIZE_LIMIT.
    longest_notes: ClassVar[int] = 1_000_000

    @property
    def _path(self) -> str:
        return f"projects/{quote(self.project.path, safe='')}"

    def exists(self, tag: str) -> bool:
        """Answer as `Releases.exists` describes."""
        return self._release(tag) is not None

    def differences(self, wanted: WantedRelease) -> list[str]:
        """Compare as `Releases.differences` describes."""
        release = self._release(wanted.tag)
        if release is None:
            return ["the release"]
        links = {link.name: link.url for link in release.assets.links}
        stored = self._files(wanted)
        names = [
            asset.name
            for asset in wanted.assets
            if links.get(asset.name) != self._url(wanted, asset) or not _is_stored(asset, stored)
        ]
        return [*names, *(() if _has_texts(release, wanted) else ("the notes",))]

    def publish(self, wanted: WantedRelease, say: Callable[[str], None]) -> None:
        """Create or complete a release as `Releases.publish` describes. The files come first, because GitLab has no drafts."""
        stored = self._files(wanted)
        for asset in wanted.assets:
            if not _is_stored(asset, stored):
                headers = {"Content-Type": asset.media_type}
                self.api.ask_at(
                    "PUT", self._url(wanted, asset), f"upload {asset.name}", content=asset.content, headers=headers
                )
                say(f"uploaded {asset.name}")
        release = self._release(wanted.tag)
        if release is None:
            self._create(wanted)
            return
        self._link(release, wanted)
        if not _has_texts(release, wanted):
            self.api.ask("PUT", self._place(wanted.tag), f"update the release {wanted.tag}", json=_texts(wanted))

    def _place(self, tag: str) -> str:
        return f"{self._path}/releases/{quote(tag, safe='')}"

    def _url(self, wanted: WantedRelease, asset: Asset) -> str:
        """Return the address of a file, where it is stored and from which it is downloaded."""
        names = "/".join(quote(name, safe="") for name in (wanted.package, wanted.version, asset.name))
        return f"{self.api.base}/{self._path}/packages/generic/{names}"

    def _release(self, tag: str) -> _Release | None:
        what = f"read the release {tag}"
        found = self.api.find(self._place(tag), what)
        return None if found is None else self.api.read(_Release, found, what)

    def _create(self, wanted: WantedRelease) -> None:
        new = {
            "tag_name": wanted.tag,
            **_texts(wanted),
            "assets": {"links": [self._new_link(wanted, asset) for asset in wanted.assets]},
        }
        self.api.ask("POST", f"{self._path}/releases", f"create the release {wanted.tag}", json=new)

    def _link(self, release: _Release, wanted: WantedRelease) -> None:
        """Add the missing links, and correct those that lead elsewhere."""
        links = {link.name: link for link in release.assets.links}
        path, what = f"{self._place(wanted.tag)}/assets/links", f"link the files of the release {wanted.tag}"
        for asset in wanted.assets:
            new, link = self._new_link(wanted, asset), links.get(asset.name)
            if link is None:
                self.api.ask("POST", path, what, json=new)
            elif link.url != new["url"]:
                self.api.ask("PUT", f"{path}/{link.id}", what, json=new)

    def _new_link(self, wanted: WantedRelease, asset: Asset) -> dict[str, str]:
        return {"name": asset.name, "url": self._url(wanted, asset), "link_type": "other"}

    def _files(self, wanted: WantedRelease) -> dict[str, _File]:
        """Return the newest file of each name in the package of a version."""
        what = "list the files of the package"
        query = {"package_type": "generic", "package_name": wanted.package}
        packages = self.api.list_all(_Package, f"{self._path}/packages", what, **query)
        # GitLab finds every package whose name contains the text.
        ours = [one.id for one in packages if (one.name, one.version) == (wanted.package, wanted.version)]
        files = [
            file
            for package in ours
            for file in self.api.list_all(_File, f"{self._path}/packages/{package}/package_files", what)
        ]
        return {file.file_name: file for file in sorted(files, key=lambda file: file.id)}


def _texts(wanted: WantedRelease) -> dict[str, object]:
    return {"name": wanted.title, "description": wanted.notes}


def _has_texts(release: _Release, wanted: WantedRelease) -> bool:
    return release.name == wanted.title and same_text(release.description, wanted.notes)


def _is_stored(asset: Asset, stored: dict[str, _File]) -> bool:
    file = stored.get(asset.name)
    return file is not None and asset.matches(file.size, f"sha256:{file.file_sha256}" if file.file_sha256 else None)
