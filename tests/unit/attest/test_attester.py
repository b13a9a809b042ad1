from collections.abc import Iterable, Sequence

import pytest

from lifecycle.attest.attester import Attester
from lifecycle.attest.dsse import PAYLOAD_TYPE, BadEnvelopeError, Envelope, authentication_bytes
from lifecycle.attest.key import PrivateKey
from lifecycle.attest.statements import BOOT_PROOF, PROVENANCE, TESTS, read_statement
from lifecycle.attest.storage import Signature, SignatureStore
from lifecycle.tools.registry.manifest import Descriptor
from tests.support.builders.attestations import DIGEST, NAME, OTHER_DIGEST, PREDICATES, envelope, statement

IMAGE = Descriptor(media_type="m", digest=DIGEST, size=1)


class MemoryStore(SignatureStore):
    """The signatures and attestations of one image, in memory; `damaged` ones cannot be read."""

    def __init__(self) -> None:
        object.__setattr__(self, "stored", ([], []))
        object.__setattr__(self, "writes", [])
        object.__setattr__(self, "damaged", [])

    def signatures(self, image: str) -> list[Signature]:
        return list(self.stored[0])

    def envelopes(self, image: str) -> list[Envelope]:
        if self.damaged:
            raise BadEnvelopeError("damaged")
        return [envelope for _, envelope in self.stored[1]]

    def put_signatures(self, image: Descriptor, signatures: Sequence[Signature]) -> None:
        self.stored[0][:] = signatures
        self.writes.append("signatures")

    def put_envelopes(self, image: Descriptor, envelopes: Iterable[tuple[str, Envelope]]) -> None:
        self.stored[1][:] = envelopes
        self.writes.append("envelopes")

    stored: tuple[list[Signature], list[tuple[str, Envelope]]]
    writes: list[str]
    damaged: list[bool]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def attester(key: PrivateKey, store: MemoryStore, said: list[str]) -> Attester:
    return Attester(name=NAME, key=key, store=store, warn=said.append)


def kinds(store: MemoryStore) -> list[str]:
    return [read_statement(envelope.payload).predicate_type for _, envelope in store.stored[1]]


def test_the_statements_are_stored_before_the_signature(attester: Attester, store: MemoryStore) -> None:
    assert attester.attest(IMAGE, [statement(TESTS), statement(PROVENANCE)]) == 3
    assert store.writes == ["envelopes", "signatures"]
    assert kinds(store) == sorted([TESTS, PROVENANCE])


def test_a_second_time_writes_nothing(attester: Attester, store: MemoryStore) -> None:
    attester.attest(IMAGE, [statement(TESTS)])
    store.writes.clear()

    assert attester.attest(IMAGE, [statement(TESTS)]) == 0
    assert store.writes == []


def test_a_changed_statement_replaces_the_stored_one_and_others_stay(attester: Attester, store: MemoryStore) -> None:
    attester.attest(IMAGE, [statement(TESTS), statement(BOOT_PROOF)])
    changed = statement(TESTS, {**PREDICATES[TESTS], "versions": {"pytest": "10"}})

    assert attester.attest(IMAGE, [changed]) == 1
    assert sorted(kinds(store)) == sorted([TESTS, BOOT_PROOF])


def test_the_provenance_of_the_first_push_stays_for_the_same_inputs(attester: Attester, store: MemoryStore) -> None:
    attester.attest(IMAGE, [statement(PROVENANCE)])
    definition = dict(PREDICATES[PROVENANCE])["buildDefinition"]
    assert isinstance(definition, dict)
    later = {"buildDefinition": {**definition, "resolvedDependencies": [{"uri": "git+later"}]}}

    assert attester.attest(IMAGE, [statement(PROVENANCE, later)]) == 0


def test_the_signatures_of_others_stay(attester: Attester, store: MemoryStore, stranger: PrivateKey) -> None:
    theirs = Signature(payload=b"theirs", signature=stranger.sign(b"theirs"))
    store.put_signatures(IMAGE, [theirs])

    attester.attest(IMAGE, [])
    assert (store.stored[0][0], len(store.stored[0])) == (theirs, 2)


def test_foreign_statements_are_not_kept(
    attester: Attester, store: MemoryStore, stranger: PrivateKey, key: PrivateKey
) -> None:
    foreign = envelope(statement(BOOT_PROOF), stranger)
    elsewhere = envelope(statement(BOOT_PROOF, subject=OTHER_DIGEST), key)
    store.put_envelopes(IMAGE, [(BOOT_PROOF, foreign), (BOOT_PROOF, elsewhere)])

    attester.attest(IMAGE, [statement(TESTS)])
    assert kinds(store) == [TESTS]


def test_a_damaged_attestation_is_told_and_written_again(
    attester: Attester, store: MemoryStore, said: list[str]
) -> None:
    store.damaged.append(True)

    assert attester.attest(IMAGE, [statement(TESTS)]) == 2
    assert said == ["it is not a DSSE envelope: damaged: it is written again"]


def test_a_signed_text_that_is_no_statement_is_told_and_written_again(
    attester: Attester, store: MemoryStore, said: list[str], key: PrivateKey
) -> None:
    signature = key.sign(authentication_bytes(PAYLOAD_TYPE, b"{}"))
    store.put_envelopes(IMAGE, [(TESTS, Envelope(payload=b"{}", signatures=(signature,)))])

    attester.attest(IMAGE, [statement(TESTS)])
    assert kinds(store) == [TESTS]
    assert "it is not an in-toto statement" in said[0]
