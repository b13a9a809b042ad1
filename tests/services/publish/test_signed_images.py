"""Signatures and statements in a real registry: where they are, and what makes them worthless."""

import json
from pathlib import Path

import pytest

from lifecycle.attest.cosign_format import attestation_tag, signature_tag
from lifecycle.attest.key import PrivateKey, TrustedKeys
from lifecycle.attest.verification import verify_image
from tests.support.builders.attestations import PREDICATES, make_key
from tests.support.builders.push_session import REPOSITORY, PushSession
from tests.support.builders.signed_image import SignedImage
from tests.support.servers.registry_server import RegistryServer


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return make_key()


@pytest.fixture
def signed(session: PushSession, key: PrivateKey, tmp_path: Path) -> SignedImage:
    made = SignedImage(session, key, tmp_path)
    made.attest()
    return made


def problems(session: PushSession, signed: SignedImage, key: PrivateKey, reference: str = "") -> list[str]:
    """Return the problems of signatures and subjects; the small image's labels are not those of the statements."""
    image = session.registry.image(REPOSITORY, reference or signed.digest)
    assert image
    stored = (signed.store.signatures(image.digest), signed.store.envelopes(image.digest))
    found = verify_image(image, *stored, TrustedKeys(first=key.public))
    words = ("sign", "about another image", "that of another image", "missing")
    return [one for one in found.problems if any(word in one for word in words)]


def test_a_signed_image_is_verified(session: PushSession, signed: SignedImage, key: PrivateKey) -> None:
    assert problems(session, signed, key) == []


def test_a_repeated_push_writes_nothing(signed: SignedImage, server: RegistryServer) -> None:
    before = (server.blobs(), server.tags(), len(server.requests("PUT", 201)))

    assert signed.attest() == 0
    assert (server.blobs(), server.tags(), len(server.requests("PUT", 201))) == before


def test_an_unsigned_image_is_refused(session: PushSession, key: PrivateKey, tmp_path: Path) -> None:
    assert "the image is not signed" in problems(session, SignedImage(session, key, tmp_path), key)


def test_a_foreign_key_is_refused(session: PushSession, signed: SignedImage) -> None:
    found = problems(session, signed, make_key())

    assert sum("not signed with the key" in one for one in found) == len(PREDICATES)
    assert found[0].startswith("the image is signed, but not with the key")


def test_a_tag_that_was_moved_to_an_unsigned_image_is_refused(
    session: PushSession, signed: SignedImage, key: PrivateKey, tmp_path: Path
) -> None:
    other = SignedImage(session, key, tmp_path, inputs="b" * 64)
    session.registry.retag(REPOSITORY, signed.digest, "moving")
    before = problems(session, signed, key, "moving")
    session.registry.retag(REPOSITORY, other.digest, "moving")

    assert (before, "the image is not signed" in problems(session, signed, key, "moving")) == ([], True)


def test_what_is_said_of_another_image_is_refused(
    session: PushSession, signed: SignedImage, key: PrivateKey, tmp_path: Path
) -> None:
    other = SignedImage(session, key, tmp_path, inputs="b" * 64)
    for tag in (signature_tag, attestation_tag):
        stored = session.registry.manifest(REPOSITORY, tag(signed.digest))
        assert stored
        session.registry.put_manifest(REPOSITORY, tag(other.digest), stored)

    found = problems(session, other, key)
    assert f"its signature is that of another image: {signed.digest}" in found
    assert f"the test record is about another image: {signed.digest}" in found


def test_a_registry_without_referrers_lists_them_under_the_fallback_tag(
    session: PushSession, signed: SignedImage, server: RegistryServer
) -> None:
    index = session.registry.manifest(REPOSITORY, signed.digest.replace(":", "-"))
    assert index
    listed = {entry["artifactType"]: entry["digest"] for entry in json.loads(index.content)["manifests"]}

    assert len(listed) == 2
    for tag in (signature_tag, attestation_tag):
        stored = session.registry.manifest(REPOSITORY, tag(signed.digest))
        assert stored
        assert stored.digest in listed.values()
