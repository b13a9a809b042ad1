"""The client of a container registry: manifests and tags. The engine pushes the images themselves.

Source: OCI distribution specification 1.1, "Pulling manifests", "Pushing Manifests", "Listing Tags", "Deleting Manifests".
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2 as httpx
from pydantic import BaseModel, Field, ValidationError

from lifecycle.tools.network.retries import RetryPolicy
from lifecycle.tools.registry.blobs import Blobs
from lifecycle.tools.registry.errors import DeletionDisabledError, RegistryRefusedError
from lifecycle.tools.registry.login import Login
from lifecycle.tools.registry.manifest import OCI_MANIFEST, Artefact, Manifest, blob_digest
from lifecycle.tools.registry.responses import error_text, read_json
from lifecycle.tools.registry.session import CERTIFICATES, RegistrySession, raise_for_error, resolve_link

_MANIFESTS = ", ".join(
    [
        "application/vnd.docker.distribution.manifest.v2+json",
        OCI_MANIFEST,
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ]
)


@dataclass(frozen=True, kw_only=True)
class RemoteImage:
    """An image in a registry: the manifest's digest, the image's id and labels, the size of its compressed layers in bytes."""

    digest: str
    id: str
    labels: Mapping[str, str]
    size: int


class _Layer(BaseModel):
    size: int = Field(ge=0)


class _Config(BaseModel):
    digest: str


class _ImageManifest(BaseModel):
    """The part of an image's manifest that is read (OCI image specification, "Image Manifest")."""

    config: _Config
    layers: list[_Layer] = []


class _TagList(BaseModel):
    tags: list[str] | None = None


class _Labelled(BaseModel):
    labels: dict[str, str] | None = Field(default=None, alias="Labels")


class _ImageConfig(BaseModel):
    """The part of an image's configuration that is read (OCI image specification, "Image Configuration")."""

    config: _Labelled | None = None


_Answer = TypeVar("_Answer", bound=BaseModel)


class Registry:
    """One registry, by its host: `ghcr.io`, `localhost:5000`.

    All methods raise RegistryRefusedError, and CredentialHelperError or DockerConfigError if it wants a login that cannot be read.

    `labels` are known labels of images by image id, which are not requested again. `certificates` is the folder where an
    engine looks for certificate authorities. `wait` is called with the seconds to wait before another attempt; none begins later
    than `patience` seconds after the first one. `timeout` is the limit for a response in seconds.
    """

    def __init__(
        self,
        host: str,
        login: Login | None,
        *,
        labels: Mapping[str, Mapping[str, str]] | None = None,
        certificates: Path = CERTIFICATES,
        wait: Callable[[float], None] = time.sleep,
        timeout: float = 30,
        patience: float = RetryPolicy.patience,
    ) -> None:
        policy = RetryPolicy(wait=wait, patience=patience)
        self._session = RegistrySession(host, login, certificates=certificates, policy=policy, timeout=timeout)
        self.blobs = Blobs(self._session)
        self._labels = dict(labels or {})

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def image(self, repository: str, reference: str) -> RemoteImage | None:
        """Return the image of a tag or digest, or None."""
        found = self.manifest(repository, reference)
        if found is None:
            return None
        manifest = read_json(found.content)
        if "config" not in manifest:
            # An index of images for several architectures: this project pushes none.
            return RemoteImage(digest=found.digest, id="", labels={}, size=0)
        read = self._checked(_ImageManifest, manifest, f"read the manifest of {repository}@{found.digest}")
        image, size = read.config.digest, sum(layer.size for layer in read.layers)
        return RemoteImage(digest=found.digest, id=image, labels=self._labels_of(repository, image), size=size)

    def tags(self, repository: str) -> list[str]:
        """Return all tags of a repository; an empty list for an unknown repository."""
        found: list[str] = []
        what, pages = f"list the tags of {repository}", set[str]()
        path: str | None = "tags/list"
        while path:
            if path in pages:
                raise RegistryRefusedError(self._session.host, what, f"its list has no end: {path} leads to itself")
            pages.add(path)
            response = self._session.request("GET", repository, path)
            if response.status_code == httpx.codes.NOT_FOUND:
                return found
            raise_for_error(self._session, response, what)
            found += self._checked(_TagList, read_json(response.content), what).tags or []
            path = self._next_page(response, repository, what)
        return found

    def _next_page(self, response: httpx.Response, repository: str, what: str) -> str | None:
        """Return the path of the next page of a list, relative to the repository; its host is ignored."""
        link = response.links.get("next", {}).get("url")
        if link is None:
            return None
        address = resolve_link(self._session, response, link, what)
        return address.raw_path.decode().rpartition(f"/v2/{repository}/")[2]

    def retag(self, repository: str, digest: str, tag: str) -> bool:
        """Move a tag to a manifest that the registry has. Return False if it already names that manifest.

        Raises RegistryRefusedError, also if the registry lacks the manifest.
        """
        current = self.manifest(repository, tag)
        if current is not None and current.digest == digest:
            return False
        what, manifest = f"tag {repository}@{digest} as {tag}", self.manifest(repository, digest)
        if manifest is None or manifest.digest != digest:
            raise RegistryRefusedError(self._session.host, what, "the registry does not have that manifest")
        self._write(repository, tag, manifest, what)
        return True

    def put_manifest(self, repository: str, tag: str, manifest: Manifest) -> bool:
        """Upload a manifest, whose blobs the registry has, under a tag.

        Return whether the registry lists it as a referrer of its subject ("Pushing Manifests with Subject").
        """
        response = self._write(repository, tag, manifest, f"write {repository}:{tag}")
        return "OCI-Subject" in response.headers

    def put_artefact(self, repository: str, tag: str, artefact: Artefact) -> bool:
        """Upload an artefact's blobs, and its manifest under a tag. Return what `put_manifest` returns."""
        for content in artefact.blobs:
            self.blobs.upload(repository, blob_digest(content), content)
        return self.put_manifest(repository, tag, artefact.manifest)

    def has(self, repository: str, tag: str) -> bool:
        """Return whether a tag exists."""
        response = self._session.request("HEAD", repository, f"manifests/{tag}", headers={"Accept": _MANIFESTS})
        if response.status_code != httpx.codes.NOT_FOUND:
            raise_for_error(self._session, response, f"read {repository}")
        return response.is_success

    def upload_error(self, repository: str) -> str:
        """Return the error of an attempt to begin an upload of a blob ("Pushing Blobs"), or ""."""
        response = self._session.request("POST", repository, "blobs/uploads/")
        return error_text(response) if response.is_error else ""

    def delete(self, repository: str, digest: str) -> None:
        """Delete a manifest and all its tags; a missing one is no error. Also raises DeletionDisabledError."""
        response = self._session.request("DELETE", repository, f"manifests/{digest}")
        if response.status_code == httpx.codes.METHOD_NOT_ALLOWED:
            raise DeletionDisabledError(self._session.host)
        if response.status_code != httpx.codes.NOT_FOUND:
            raise_for_error(self._session, response, f"delete {repository}@{digest}")

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """Return the manifest of a tag or digest, or None."""
        response = self._session.request("GET", repository, f"manifests/{reference}", headers={"Accept": _MANIFESTS})
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        raise_for_error(self._session, response, f"read {repository}")
        return Manifest(content=response.content, media_type=response.headers.get("Content-Type", ""))

    def _labels_of(self, repository: str, image: str) -> Mapping[str, str]:
        """Return the labels in the configuration of an image, by its digest; each configuration is requested once."""
        if image not in self._labels:
            response = self._session.request("GET", repository, f"blobs/{image}")
            if response.status_code != httpx.codes.NOT_FOUND:
                raise_for_error(self._session, response, f"read {repository}")
            read = self._checked(_ImageConfig, read_json(response.content), f"read the labels of {repository}@{image}")
            self._labels[image] = (read.config and read.config.labels) or {}
        return self._labels[image]

    def _checked(self, model: type[_Answer], content: Mapping[str, Any], what: str) -> _Answer:
        """Return an answer as a model. Raises RegistryRefusedError if it has another form."""
        try:
            return model.model_validate(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(map(str, first["loc"]))
            why = f"its answer is not as the OCI distribution specification has it: {key}: {first['msg']}"
            raise RegistryRefusedError(self._session.host, what, why) from error

    def _write(self, repository: str, tag: str, manifest: Manifest, what: str) -> httpx.Response:
        headers = {"Content-Type": manifest.media_type}
        response = self._session.request(
            "PUT", repository, f"manifests/{tag}", headers=headers, content=manifest.content
        )
        raise_for_error(self._session, response, what)
        return response
