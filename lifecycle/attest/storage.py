"""Signatures and attestations of images in a registry, where cosign looks for them.

They are under cosign's tags. The same manifests name the image as their subject, so registries with the referrers API list them
too. For other registries, the index under the fallback tag lists them (OCI distribution specification 1.1, "Referrers Tag Schema").
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lifecycle.attest.cosign_format import (
    Layer,
    artefact,
    attestation_layer,
    attestation_tag,
    signature_layer,
    signature_tag,
    stored_layers,
)
from lifecycle.attest.dsse import Envelope, read_envelope
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.manifest import Artefact, Descriptor, Manifest
from lifecycle.tools.registry.responses import read_json

SIGNATURE_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"
ATTESTATION_TYPE = "application/vnd.dev.cosign.artifact.att.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
# The largest signature payload or envelope that is read, in bytes.
_LARGEST = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A signature of an image, and the payload that it covers."""

    payload: bytes
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class SignatureStore:
    """The signatures and attestations of the images in one repository. All methods raise RegistryRefusedError."""

    registry: Registry
    repository: str

    def signatures(self, image: str) -> list[Signature]:
        """Return the signatures of an image, by the digest of its manifest. Raises BadSignatureError, WrongBlobError."""
        return [
            Signature(payload=content, signature=signature)
            for content, signature in self._read(signature_tag(image))
            if signature
        ]

    def envelopes(self, image: str, kind: str = "") -> list[Envelope]:
        """Return the attestations of an image, or only those of a predicate type.

        Raises BadSignatureError, BadEnvelopeError, WrongBlobError.
        """
        return [read_envelope(content) for content, _ in self._read(attestation_tag(image), kind)]

    def predicate_types(self, image: str) -> list[str]:
        """Return the predicate types of an image's attestations as the registry lists them: nothing of it is verified.

        Raises BadSignatureError.
        """
        manifest = self.registry.manifest(self.repository, attestation_tag(image))
        return [layer.predicate_type for layer in stored_layers(manifest)] if manifest else []

    def put_signatures(self, image: Descriptor, signatures: Sequence[Signature]) -> None:
        """Replace the signatures of an image."""
        layers = [signature_layer(entry.payload, entry.signature) for entry in signatures]
        self._put(signature_tag(image.digest), layers, image, SIGNATURE_TYPE)

    def put_envelopes(self, image: Descriptor, envelopes: Iterable[tuple[str, Envelope]]) -> None:
        """Replace the attestations of an image; each comes with its predicate type."""
        layers = [attestation_layer(envelope.to_json(), predicate_type) for predicate_type, envelope in envelopes]
        self._put(attestation_tag(image.digest), layers, image, ATTESTATION_TYPE)

    def _read(self, tag: str, kind: str = "") -> list[tuple[bytes, bytes]]:
        """Return the content and the annotated signature of each layer under a tag, or of those of a predicate type."""
        manifest = self.registry.manifest(self.repository, tag)
        layers = stored_layers(manifest) if manifest else []
        return [
            (self.registry.blobs.read(self.repository, layer.digest, limit=_LARGEST), layer.signature)
            for layer in layers
            if kind in ("", layer.predicate_type)
        ]

    def _put(self, tag: str, layers: Sequence[Layer], subject: Descriptor, artifact_type: str) -> None:
        made = artefact(layers, subject, artifact_type)
        if not self.registry.put_artefact(self.repository, tag, made):
            self._list(made, subject.digest, artifact_type)

    def _list(self, made: Artefact, image: str, artifact_type: str) -> None:
        """List an artefact in the index of an image's referrers, in place of older ones of its type."""
        tag = image.replace(":", "-")
        existing = self.registry.manifest(self.repository, tag)
        entries: list[Any] = (read_json(existing.content).get("manifests") or []) if existing else []
        others = [one for one in entries if isinstance(one, dict) and one.get("artifactType") != artifact_type]
        index = {
            "schemaVersion": 2,
            "mediaType": _INDEX,
            "manifests": [*others, {**made.manifest.descriptor.to_dict(), "artifactType": artifact_type}],
        }
        content = json.dumps(index, separators=(",", ":")).encode()
        if existing is None or existing.content != content:
            self.registry.put_manifest(self.repository, tag, Manifest(content=content, media_type=_INDEX))
