from collections.abc import Mapping
from typing import Any

import pytest

from lifecycle.attest.cosign_format import signature_payload
from lifecycle.attest.dsse import Envelope, authentication_bytes
from lifecycle.attest.key import PrivateKey, TrustedKeys
from lifecycle.attest.statements import BOOT_PROOF, CYCLONEDX, PROVENANCE, REPRODUCTION, SPDX, SYMBOL_PROOF, TESTS
from lifecycle.attest.storage import Signature
from lifecycle.attest.verification import Verification, is_reproduced, verify_image
from tests.support.builders.attestations import (
    DIGEST,
    IMAGE,
    NAME,
    OTHER_DIGEST,
    PREDICATES,
    REPRODUCED,
    envelope,
    statement,
)

OTHER = "debian-13/6.12.118+deb13-cloud-amd64/550.163.01"


def signature(key: PrivateKey, image: str = DIGEST) -> Signature:
    payload = signature_payload(NAME, image)
    return Signature(payload=payload, signature=key.sign(payload))


def verified(
    key: PrivateKey, *others: Envelope, changed: Mapping[str, Mapping[str, Any]] | None = None
) -> Verification:
    """Verify an image with all statements, some of them changed, and other envelopes beside them."""
    predicates = {**PREDICATES, **(changed or {})}
    envelopes = [envelope(statement(kind, predicate), key) for kind, predicate in predicates.items()]
    return verify_image(IMAGE, [signature(key)], [*envelopes, *others], TrustedKeys(first=key.public))


def test_an_image_with_everything_is_verified(key: PrivateKey) -> None:
    found = verified(key)

    assert found.problems == ()
    assert {one.predicate_type for one in found.statements} == set(PREDICATES)


def test_an_unsigned_image_is_refused_and_what_is_missing_is_named(key: PrivateKey) -> None:
    assert verify_image(IMAGE, [], [], TrustedKeys(first=key.public)).problems == (
        "the image is not signed",
        "the sbom (SPDX) is missing",
        "the sbom (CycloneDX) is missing",
        "the provenance is missing",
        "the symbol proof is missing",
        "the test record is missing",
    )


def test_a_foreign_key_is_refused(key: PrivateKey, stranger: PrivateKey) -> None:
    theirs = ([signature(stranger)], [envelope(statement(TESTS), stranger)])
    problems = verify_image(IMAGE, *theirs, TrustedKeys(first=key.public)).problems

    assert f"the image is signed, but not with the key {key.public.fingerprint[:12]}" in problems
    assert f"the test record is not signed with the key {key.public.fingerprint[:12]}" in problems


def test_the_signature_of_another_image_is_refused(key: PrivateKey) -> None:
    problems = verify_image(IMAGE, [signature(key, OTHER_DIGEST)], [], TrustedKeys(first=key.public)).problems

    assert f"its signature is that of another image: {OTHER_DIGEST}" in problems


def test_a_statement_about_another_image_is_refused(key: PrivateKey) -> None:
    found = verified(key, envelope(statement(TESTS, subject=OTHER_DIGEST), key))

    assert found.problems == (f"the test record is about another image: {OTHER_DIGEST}",)


def test_a_changed_payload_is_refused(key: PrivateKey) -> None:
    good = envelope(statement(TESTS), key)
    changed = Envelope(payload=good.payload.replace(b"40", b"41"), signatures=good.signatures)

    problems = verify_image(IMAGE, [signature(key)], [changed], TrustedKeys(first=key.public)).problems
    assert f"the test record is not signed with the key {key.public.fingerprint[:12]}" in problems


def test_a_foreign_statement_beside_a_verified_one_changes_nothing(key: PrivateKey, stranger: PrivateKey) -> None:
    found = verified(key, envelope(statement(TESTS, {**PREDICATES[TESTS], "versions": {}}), stranger))

    assert (found.problems, len(found.statements)) == ((), len(PREDICATES))


def test_the_second_builders_statement_has_to_be_signed_with_its_own_key(key: PrivateKey, stranger: PrivateKey) -> None:
    keys = TrustedKeys(first=key.public, second=stranger.public)
    envelopes = [envelope(statement(kind), key) for kind in PREDICATES]
    missing = verify_image(IMAGE, [signature(key)], envelopes, keys)
    wrong = verify_image(IMAGE, [signature(key)], [*envelopes, envelope(statement(REPRODUCTION), key)], keys)
    right = verify_image(IMAGE, [signature(key)], [*envelopes, envelope(statement(REPRODUCTION), stranger)], keys)

    assert missing.problems == ("the reproduction is missing",)
    assert wrong.problems[0] == f"the reproduction is not signed with the key {stranger.public.fingerprint[:12]}"
    assert right.problems == ()


@pytest.mark.parametrize("change", [{"imageId": f"sha256:{'9' * 64}"}, {"combination": OTHER}, {"commit": 1}])
def test_a_reproduction_of_something_else_is_none(
    key: PrivateKey, stranger: PrivateKey, change: Mapping[str, Any]
) -> None:
    keys = TrustedKeys(first=key.public, second=stranger.public)
    good, bad = (envelope(statement(REPRODUCTION, {**REPRODUCED, **more}), stranger) for more in ({}, change))

    assert is_reproduced(IMAGE, [good], keys)
    assert not is_reproduced(IMAGE, [bad], keys)


def test_without_a_second_builder_nothing_has_to_be_reproduced(key: PrivateKey, stranger: PrivateKey) -> None:
    assert is_reproduced(IMAGE, [], TrustedKeys(first=key.public))
    assert verified(key, envelope(statement(REPRODUCTION), stranger)).problems == ()


def test_an_envelope_of_another_type_is_refused(key: PrivateKey) -> None:
    payload = statement(TESTS).to_json()
    foreign = Envelope(payload=payload, signatures=(key.sign(authentication_bytes("x", payload)),), payload_type="x")

    assert "unknown type x" in verified(key, foreign).problems[0]


def test_a_damaged_payload_of_a_signature_is_a_problem(key: PrivateKey) -> None:
    damaged = Signature(payload=b"{}", signature=key.sign(b"{}"))

    assert "not in cosign's format" in verify_image(IMAGE, [damaged], [], TrustedKeys(first=key.public)).problems[0]


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        (TESTS, {"combination": OTHER}, f"the test record is that of {OTHER}"),
        (SYMBOL_PROOF, {"combination": OTHER}, f"the symbol proof is that of {OTHER}"),
        (SYMBOL_PROOF, {"kernelRelease": "6.6"}, "the symbol proof is for the kernel 6.6"),
        (SYMBOL_PROOF, {"driverVersion": "1"}, "the symbol proof is for the driver 1"),
        (BOOT_PROOF, {"kernelRelease": "6.6"}, "the boot proof is for the kernel 6.6"),
        (BOOT_PROOF, {"seconds": -1}, "the boot proof is not in its documented form: seconds: "),
        (SPDX, {"name": OTHER}, f"the sbom (SPDX) is that of {OTHER}"),
        (CYCLONEDX, {"components": []}, "two SBOMs differ: only one has pkg:deb/debian/a@1"),
        (PROVENANCE, {"buildDefinition": {}}, "the provenance has another combination: None"),
    ],
)
def test_statements_that_disagree_are_refused(
    key: PrivateKey, kind: str, change: Mapping[str, Any], problem: str
) -> None:
    problems = verified(key, changed={kind: {**PREDICATES[kind], **change}}).problems

    assert problems[0].startswith(problem)


def test_a_proof_with_symbols_that_do_not_fit_is_refused(key: PrivateKey) -> None:
    predicate: dict[str, Any] = dict(PREDICATES[SYMBOL_PROOF])
    predicate["modules"] = [{**predicate["modules"][0], "matchingSymbols": 8}]

    assert verified(key, changed={SYMBOL_PROOF: predicate}).problems == (
        "the symbol proof has a module with symbols that do not fit: nvidia",
    )
