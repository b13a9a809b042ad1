"""Releases of a GitHub repository.

A release is a draft until it has all its files: GitHub can lock the files of a published one, and nobody is told of a release
without them. Source: GitHub REST API 2022-11-28, "Releases" and "Release assets" (docs.github.com/rest/releases), and "Immutable
releases" (docs.github.com/code-security/concepts/supply-chain-security/immutable-releases).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote, urlsplit

from pydantic import BaseModel

from lifecycle.tools.forge.api import ForgeApi, ForgeRefusedError
from lifecycle.tools.forge.project import Project
from lifecycle.tools.forge.releases import Asset, WantedRelease, same_text
from lifecycle.tools.network.errors import without_login

_API, _UPLOADS = "api.github.com", "uploads.github.com"
# The state of a file whose upload was completed. One that was cut off has another state, such as `starter`.
_UPLOADED = "uploaded"


class _Release(BaseModel):
    id: int
    tag_name: str
    upload_url: str
    draft: bool = False
    name: str | None = None
    body: str | None = None


class _File(BaseModel):
    """A file of a release; older servers name no `digest`."""

    id: int
    name: str
    size: int
    state: str = _UPLOADED
    digest: str | None = None


class ForeignUploadError(ForgeRefusedError):
    """An address for uploads that is not the forge's own. It gets no token."""

    def __init__(self, host: str, address: str, name: str) -> None:
        super().__init__(
            host,
            f"upload {name}",
            f"it names an address of another host, {without_login(address)}, which gets no token",
            hint="Correct the address of the API.",
        )


@dataclass(frozen=True)
class GitHubReleases:
    """The releases of a repository."""

    project: Project
    api: ForgeApi
    # The limit of the web page and of the API, which answers "body is too long (maximum is 125000 characters)".
    longest_notes: ClassVar[int] = 125_000

    @property
    def _path(self) -> str:
        return f"repos/{self.project.path}/releases"

    def exists(self, tag: str) -> bool:
        """Answer as `Releases.exists` describes. Drafts are not found by their tag."""
        return self._published(tag) is not None

    def differences(self, wanted: WantedRelease) -> list[str]:
        """Compare as `Releases.differences` describes."""
        release = self._published(wanted.tag)
        if release is None:
            return ["the release"]
        there = list(self._files(release))
        names = [asset.name for asset in wanted.assets if not _is_there(asset, there)]
        return [*names, *(() if _has_texts(release, wanted) else ("the notes",))]

    def publish(self, wanted: WantedRelease, say: Callable[[str], None]) -> None:
        """Create or complete a release as `Releases.publish` describes."""
        release = self._published(wanted.tag) or self._draft(wanted.tag) or self._create(wanted)
        there = list(self._files(release))
        for asset in wanted.assets:
            if not _is_there(asset, there):
                self._upload(release, asset, [file for file in there if file.name == asset.name])
                say(f"uploaded {asset.name}")
        if release.draft or not _has_texts(release, wanted):
            # GitHub decides by version and date which release is the latest one.
            changed = {**_texts(wanted), "draft": False, "make_latest": "legacy"}
            self.api.ask("PATCH", f"{self._path}/{release.id}", f"publish the release {wanted.tag}", json=changed)

    def _published(self, tag: str) -> _Release | None:
        what = f"read the release {tag}"
        found = self.api.find(f"{self._path}/tags/{quote(tag, safe='')}", what)
        return None if found is None else self.api.read(_Release, found, what)

    def _draft(self, tag: str) -> _Release | None:
        """Return the draft that an earlier run has left, or None."""
        listed = self.api.list_all(_Release, self._path, "list the releases")
        return next((release for release in listed if release.draft and release.tag_name == tag), None)

    def _create(self, wanted: WantedRelease) -> _Release:
        what = f"create the release {wanted.tag}"
        new = {"tag_name": wanted.tag, **_texts(wanted), "draft": True}
        return self.api.read(_Release, self.api.ask("POST", self._path, what, json=new), what)

    def _files(self, release: _Release) -> Iterator[_File]:
        path = f"{self._path}/{release.id}/assets"
        return self.api.list_all(_File, path, f"list the files of the release {release.tag_name}")

    def _upload(self, release: _Release, asset: Asset, replaced: Sequence[_File]) -> None:
        """Upload a file. Files of its name are deleted first, because GitHub refuses a second one. Raises ForeignUploadError."""
        address = upload_address(self.api.base, release.upload_url)
        if address is None:
            raise ForeignUploadError(self.project.host, release.upload_url.partition("{")[0], asset.name)
        for file in replaced:
            self.api.ask("DELETE", f"{self._path}/assets/{file.id}", f"replace {file.name}")
        what, query, headers = f"upload {asset.name}", {"name": asset.name}, {"Content-Type": asset.media_type}
        self.api.ask_at("POST", address, what, params=query, content=asset.content, headers=headers)


def upload_address(base: str, template: str) -> str | None:
    """Return the address for uploads without the template at its end, `{?name,label}`.

    None for a host that is neither that of the API, at the address `base`, nor GitHub's own for api.github.com.
    """
    address = template.partition("{")[0]
    own, there = urlsplit(base), urlsplit(address)
    allowed = {own.netloc, _UPLOADS} if own.netloc == _API else {own.netloc}
    return address if there.scheme == own.scheme and there.netloc in allowed else None


def _texts(wanted: WantedRelease) -> dict[str, object]:
    return {"name": wanted.title, "body": wanted.notes}


def _has_texts(release: _Release, wanted: WantedRelease) -> bool:
    return release.name == wanted.title and same_text(release.body, wanted.notes)


def _is_there(asset: Asset, files: Sequence[_File]) -> bool:
    return any(
        file.name == asset.name and file.state == _UPLOADED and asset.matches(file.size, file.digest) for file in files
    )
