import json

import pytest

from lifecycle.attest.cosign_format import (
    BadSignatureError,
    artefact,
    attestation_layer,
    attestation_tag,
    signature_layer,
    signature_payload,
    signature_tag,
    signed_image,
    stored_layers,
)
from lifecycle.tools.registry.manifest import Descriptor, Manifest, blob_digest
from tests.support.builders.attestations import DIGEST, NAME

SUBJECT = Descriptor(media_type="application/vnd.oci.image.manifest.v1+json", digest=DIGEST, size=7)
LAYERS = [signature_layer(b"payload", b"signature"), attestation_layer(b"envelope", "urn:kind")]


def test_the_tags_are_those_of_cosign() -> None:
    assert signature_tag(DIGEST) == f"sha256-{'1' * 64}.sig"
    assert attestation_tag(DIGEST) == f"sha256-{'1' * 64}.att"


def test_a_payload_names_the_image() -> None:
    assert signed_image(signature_payload(NAME, DIGEST)) == DIGEST
    assert json.loads(signature_payload(NAME, DIGEST))["critical"]["identity"]["docker-reference"] == NAME


def test_an_artefact_has_all_blobs_that_its_manifest_names() -> None:
    made = artefact(LAYERS, SUBJECT, "application/x")
    manifest = json.loads(made.manifest.content)

    named = [manifest["config"], *manifest["layers"]]
    assert [entry["digest"] for entry in named] == [blob_digest(blob) for blob in made.blobs]
    assert [entry["size"] for entry in named] == [len(blob) for blob in made.blobs]
    assert (manifest["subject"]["digest"], manifest["artifactType"]) == (DIGEST, "application/x")


def test_the_layers_of_an_artefact_can_be_read_again() -> None:
    signed, attested = stored_layers(artefact(LAYERS, SUBJECT, "application/x").manifest)

    assert (signed.digest, signed.signature) == (blob_digest(b"payload"), b"signature")
    assert (attested.digest, attested.predicate_type) == (blob_digest(b"envelope"), "urn:kind")


def test_layers_of_other_kinds_are_left_out() -> None:
    layer = {"mediaType": "application/x", "digest": DIGEST, "size": 1}

    assert stored_layers(Manifest(content=json.dumps({"layers": [layer]}).encode(), media_type="")) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"layers": [{"mediaType": "a", "digest": "sha256:1", "size": 1}]}',
        artefact(LAYERS, SUBJECT, "a").manifest.content.replace(b'c2lnbmF0dXJl"', b'!"'),
    ],
)
def test_a_damaged_manifest_is_an_error(content: bytes) -> None:
    with pytest.raises(BadSignatureError, match="not in cosign's format"):
        stored_layers(Manifest(content=content, media_type=""))


@pytest.mark.parametrize("payload", [b"", b"{}", signature_payload(NAME, DIGEST).replace(b"cosign", b"other")])
def test_a_damaged_payload_is_an_error(payload: bytes) -> None:
    with pytest.raises(BadSignatureError):
        signed_image(payload)
