"""Manifests of a registry, and the artefacts that they describe.

Source: OCI image specification 1.1, "Image Manifest" and "Content Descriptors".
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def blob_digest(content: bytes) -> str:
    """Return the digest by which a registry names some bytes, `sha256:…`."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """A reference to a blob or manifest; `size` is in bytes."""

    media_type: str
    digest: str
    size: int

    @classmethod
    def of(cls, content: bytes, media_type: str) -> "Descriptor":
        """Return the reference to some bytes."""
        return cls(media_type=media_type, digest=blob_digest(content), size=len(content))

    def to_dict(self) -> dict[str, Any]:
        """Return the descriptor as in a manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest as bytes, which its digest is computed from."""

    content: bytes
    media_type: str

    @cached_property
    def digest(self) -> str:
        """The digest of the manifest, `sha256:…`."""
        return blob_digest(self.content)

    @property
    def descriptor(self) -> Descriptor:
        """The reference to the manifest."""
        return Descriptor.of(self.content, self.media_type)


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """An artefact to upload: its manifest, and the blobs that it refers to."""

    manifest: Manifest
    blobs: tuple[bytes, ...]
