"""A container registry's HTTP API, as far as manifests and tags go. Pushing images' layers is the engine's.

Source: OCI distribution specification 1.1, "Pulling manifests", "Pushing Manifests", "Listing Tags", "Deleting Manifests".
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from lifecycle.tools.registry.blobs import Blobs
from lifecycle.tools.registry.errors import DeletionDisabledError, RegistryRefusedError
from lifecycle.tools.registry.login import Login
from lifecycle.tools.registry.session import CERTIFICATES, RegistrySession, check, read_json, said

_MANIFESTS = ", ".join(
    [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)


@dataclass(frozen=True, kw_only=True)
class RemoteImage:
    """What a tag leads to: the manifest's digest, the image's id, its labels, the bytes of its layers as they are kept."""

    digest: str
    id: str
    labels: Mapping[str, str]
    size: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest's own bytes, which are what its digest is of."""

    content: bytes
    media_type: str

    @cached_property
    def digest(self) -> str:
        """`sha256:…`, by which the registry knows it."""
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"


class Registry:
    """One registry, by its host: `ghcr.io`, `localhost:5000`; `certificates` is where an engine looks for authorities.

    `labels` are those of images, by their ids, that need not be asked for; `wait` is told the seconds before a request is made
    again, `patience` is how many are waited for an answer. All of it raises RegistryRefusedError.
    """

    def __init__(
        self,
        host: str,
        login: Login | None,
        *,
        labels: Mapping[str, Mapping[str, str]] | None = None,
        certificates: Path = CERTIFICATES,
        wait: Callable[[float], None] = time.sleep,
        patience: float = 30,
    ) -> None:
        self._session = RegistrySession(host, login, certificates=certificates, wait=wait, patience=patience)
        self.blobs = Blobs(self._session)
        self._labels = dict(labels or {})

    def close(self) -> None:
        """End its connections."""
        self._session.close()

    def image(self, repository: str, reference: str) -> RemoteImage | None:
        """What a tag, or a digest, leads to; None where there is none."""
        found = self.manifest(repository, reference)
        if found is None:
            return None
        manifest = read_json(found.content)
        if "config" not in manifest:
            # A list of images for several architectures is nobody's of ours.
            return RemoteImage(digest=found.digest, id="", labels={}, size=0)
        image = str(manifest["config"]["digest"])
        size = sum(int(layer["size"]) for layer in manifest.get("layers", []))
        return RemoteImage(digest=found.digest, id=image, labels=self._labels_of(repository, image), size=size)

    def tags(self, repository: str) -> list[str]:
        """All tags of a repository; none where there is no such repository."""
        found: list[str] = []
        path: str | None = "tags/list"
        while path:
            answer = self._session.ask("GET", repository, path)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return found
            check(self._session, answer, f"list the tags of {repository}")
            found += read_json(answer.content).get("tags") or []
            path = _next_page(answer, repository)
        return found

    def retag(self, repository: str, digest: str, tag: str) -> bool:
        """Have a tag lead to a manifest that the registry has; returns whether it had to be moved there."""
        there = self.manifest(repository, tag)
        if there is not None and there.digest == digest:
            return False
        what, manifest = f"tag {repository}@{digest} as {tag}", self.manifest(repository, digest)
        if manifest is None or manifest.digest != digest:
            raise RegistryRefusedError(self._session.host, what, "it does not have that manifest")
        self._put(repository, tag, manifest, what)
        return True

    def put(self, repository: str, tag: str, manifest: Manifest) -> None:
        """Have a tag lead to a manifest, whose blobs the registry has."""
        self._put(repository, tag, manifest, f"write {repository}:{tag}")

    def has(self, repository: str, tag: str) -> bool:
        """Whether a tag leads anywhere."""
        answer = self._session.ask("HEAD", repository, f"manifests/{tag}", headers={"Accept": _MANIFESTS})
        if answer.status_code != httpx.codes.NOT_FOUND:
            check(self._session, answer, f"read {repository}")
        return answer.is_success

    def upload_refusal(self, repository: str) -> str:
        """What the registry says to who would upload a blob ("Pushing Blobs"); empty where it would take one."""
        answer = self._session.ask("POST", repository, "blobs/uploads/")
        return said(answer) if answer.is_error else ""

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest, with all its tags; one that is gone is fine. Raises DeletionDisabledError too."""
        answer = self._session.ask("DELETE", repository, f"manifests/{digest}")
        if answer.status_code == httpx.codes.METHOD_NOT_ALLOWED:
            raise DeletionDisabledError(self._session.host)
        if answer.status_code != httpx.codes.NOT_FOUND:
            check(self._session, answer, f"delete {repository}@{digest}")

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest that a tag, or a digest, leads to; None where there is none."""
        answer = self._session.ask("GET", repository, f"manifests/{reference}", headers={"Accept": _MANIFESTS})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        check(self._session, answer, f"read {repository}")
        return Manifest(content=answer.content, media_type=answer.headers.get("Content-Type", ""))

    def _labels_of(self, repository: str, image: str) -> Mapping[str, str]:
        """The labels in an image's configuration, which is known by its digest and asked for once."""
        if image not in self._labels:
            answer = self._session.ask("GET", repository, f"blobs/{image}")
            if answer.status_code != httpx.codes.NOT_FOUND:
                check(self._session, answer, f"read {repository}")
            config: dict[str, Any] = read_json(answer.content).get("config") or {}
            self._labels[image] = config.get("Labels") or {}
        return self._labels[image]

    def _put(self, repository: str, tag: str, manifest: Manifest, what: str) -> None:
        headers = {"Content-Type": manifest.media_type}
        answer = self._session.ask("PUT", repository, f"manifests/{tag}", headers=headers, content=manifest.content)
        check(self._session, answer, what)


def _next_page(answer: httpx.Response, repository: str) -> str | None:
    """The path, below the repository's, of what comes after an answer that is not all; never at another host."""
    link = answer.links.get("next", {}).get("url")
    if link is None:
        return None
    return answer.url.join(link).raw_path.decode().rpartition(f"/v2/{repository}/")[2]
