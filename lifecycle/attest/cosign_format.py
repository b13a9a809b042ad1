"""The manifests and payloads in which cosign stores signatures and attestations of an image.

Sources: sigstore/cosign, specs/SIGNATURE_SPEC.md and specs/ATTESTATION_SPEC.md; OCI image specification 1.1, "Image Manifest"
(`subject` and `artifactType`) and "Guidelines for Artifact Usage".
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field, ValidationError

from lifecycle.errors import InstallerError
from lifecycle.tools.problems import first_problem
from lifecycle.tools.registry.manifest import OCI_MANIFEST, Artefact, Descriptor, Manifest, blob_digest

_CONFIG = "application/vnd.oci.image.config.v1+json"
_SIGNATURE_LAYER = "application/vnd.dev.cosign.simplesigning.v1+json"
_ENVELOPE_LAYER = "application/vnd.dsse.envelope.v1+json"
_SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature"
_PREDICATE_ANNOTATION = "predicateType"
_SIGNATURE_TYPE = "cosign container image signature"


class BadSignatureError(InstallerError):
    """A signature or attestation that is not in cosign's format."""

    def __init__(self, why: str) -> None:
        super().__init__(f"it is not in cosign's format: {why}")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of an artefact: its content, its media type and its annotations."""

    content: bytes
    media_type: str
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The digest of the content, `sha256:…`."""
        return blob_digest(self.content)


def signature_tag(image: str) -> str:
    """Return cosign's tag for the signatures of an image, by the digest of its manifest."""
    return f"{image.replace(':', '-')}.sig"


def attestation_tag(image: str) -> str:
    """Return cosign's tag for the attestations of an image, by the digest of its manifest."""
    return f"{image.replace(':', '-')}.att"


def signature_payload(repository: str, image: str) -> bytes:
    """Return the text that an image's signature covers: its repository (`registry/repository`) and its manifest's digest."""
    critical = {
        "identity": {"docker-reference": repository},
        "image": {"docker-manifest-digest": image},
        "type": _SIGNATURE_TYPE,
    }
    return json.dumps({"critical": critical, "optional": None}, separators=(",", ":")).encode()


def signature_layer(payload: bytes, signature: bytes) -> Layer:
    """Return the layer with the signature of a payload."""
    annotations = {_SIGNATURE_ANNOTATION: base64.b64encode(signature).decode()}
    return Layer(content=payload, media_type=_SIGNATURE_LAYER, annotations=annotations)


def attestation_layer(envelope: bytes, predicate_type: str) -> Layer:
    """Return the layer with a DSSE envelope. Its own signature is inside, so the annotation is empty."""
    annotations = {_SIGNATURE_ANNOTATION: "", _PREDICATE_ANNOTATION: predicate_type}
    return Layer(content=envelope, media_type=_ENVELOPE_LAYER, annotations=annotations)


def artefact(layers: Sequence[Layer], subject: Descriptor, artifact_type: str) -> Artefact:
    """Return the artefact with layers, which refers to an image as its subject.

    The configuration is that of an image without history, because cosign 2 reads it as one.
    """
    config = _json(
        {
            "architecture": "",
            "config": {},
            "created": "0001-01-01T00:00:00Z",
            "history": [{"created": "0001-01-01T00:00:00Z"}] * len(layers),
            "os": "",
            "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
        }
    )
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": Descriptor.of(config, _CONFIG).to_dict(),
        "layers": [
            {
                **Descriptor.of(layer.content, layer.media_type).to_dict(),
                "annotations": layer.annotations,
            }
            for layer in layers
        ],
        "subject": subject.to_dict(),
    }
    manifest = Manifest(content=_json(content), media_type=OCI_MANIFEST)
    return Artefact(manifest=manifest, blobs=(config, *(layer.content for layer in layers)))


class _LayerDocument(BaseModel):
    media_type: str = Field(alias="mediaType")
    digest: str = Field(pattern="^sha256:[0-9a-f]{64}$")
    size: int = Field(ge=0)
    annotations: dict[str, str] = {}


class _ManifestDocument(BaseModel):
    layers: list[_LayerDocument]


@dataclass(frozen=True, kw_only=True)
class StoredLayer:
    """A layer in a manifest that was read: the digest of its content, its size in bytes, and its signature, if any."""

    digest: str
    size: int
    signature: bytes
    predicate_type: str


def stored_layers(manifest: Manifest) -> list[StoredLayer]:
    """Return the layers of signatures or attestations in a manifest; others are left out. Raises BadSignatureError."""
    try:
        read = _ManifestDocument.model_validate_json(manifest.content)
        return [
            StoredLayer(
                digest=layer.digest,
                size=layer.size,
                signature=base64.b64decode(layer.annotations.get(_SIGNATURE_ANNOTATION, ""), validate=True),
                predicate_type=layer.annotations.get(_PREDICATE_ANNOTATION, ""),
            )
            for layer in read.layers
            if layer.media_type in (_SIGNATURE_LAYER, _ENVELOPE_LAYER)
        ]
    except ValidationError as error:
        raise BadSignatureError(first_problem(error)) from error
    except binascii.Error as error:
        raise BadSignatureError(f"{_SIGNATURE_ANNOTATION}: {error}") from error


class _Image(BaseModel):
    digest: str = Field(alias="docker-manifest-digest")


class _Critical(BaseModel):
    image: _Image
    type: str


class _Payload(BaseModel):
    critical: _Critical


def signed_image(payload: bytes) -> str:
    """Return the digest of the image that a signature's payload is about. Raises BadSignatureError."""
    try:
        read = _Payload.model_validate_json(payload).critical
    except ValidationError as error:
        raise BadSignatureError(first_problem(error)) from error
    if read.type != _SIGNATURE_TYPE:
        raise BadSignatureError(f"its type is {read.type!r}")
    return read.image.digest


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
