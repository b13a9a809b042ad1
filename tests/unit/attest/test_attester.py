from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pytest

from lifecycle.attest.attester import Attester, OverwrittenError
from lifecycle.attest.dsse import PAYLOAD_TYPE, BadEnvelopeError, Envelope, authentication_bytes
from lifecycle.attest.key import PrivateKey
from lifecycle.attest.statements import BOOT_PROOF, PROVENANCE, REPRODUCTION, TESTS, read_statement
from lifecycle.attest.storage import Signature, SignatureStore
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.manifest import Descriptor
from tests.support.builders.attestations import DIGEST, NAME, OTHER_DIGEST, PREDICATES, envelope, statement

IMAGE = Descriptor(media_type="m", digest=DIGEST, size=1)


@dataclass(frozen=True, kw_only=True)
class MemoryStore(SignatureStore):
    """The signatures and attestations of one image, in memory.

    `damaged` ones cannot be read. `overwrites` are what another machine stores after each of the next writes.
    """

    stored_signatures: list[Signature] = field(default_factory=list)
    stored_envelopes: list[tuple[str, Envelope]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    damaged: list[bool] = field(default_factory=list)
    overwrites: list[list[tuple[str, Envelope]]] = field(default_factory=list)

    def signatures(self, image: str) -> list[Signature]:
        return list(self.stored_signatures)

    def envelopes(self, image: str, kind: str = "") -> list[Envelope]:
        if self.damaged:
            self.damaged.pop()
            raise BadEnvelopeError("damaged")
        return [envelope for _, envelope in self.stored_envelopes]

    def put_signatures(self, image: Descriptor, signatures: Sequence[Signature]) -> None:
        self.stored_signatures[:] = signatures
        self.writes.append("signatures")

    def put_envelopes(self, image: Descriptor, envelopes: Iterable[tuple[str, Envelope]]) -> None:
        self.stored_envelopes[:] = self.overwrites.pop() if self.overwrites else envelopes
        self.writes.append("envelopes")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(registry=Registry("r.example", None), repository="team/nvidia-installer")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def attester(key: PrivateKey, store: MemoryStore, said: list[str]) -> Attester:
    return Attester(name=NAME, key=key, store=store, warn=said.append)


def kinds(store: MemoryStore) -> list[str]:
    return [read_statement(envelope.payload).predicate_type for _, envelope in store.stored_envelopes]


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
    assert (store.stored_signatures[0], len(store.stored_signatures)) == (theirs, 2)


def test_statements_of_others_stay_but_none_about_another_image(
    attester: Attester, store: MemoryStore, stranger: PrivateKey, key: PrivateKey
) -> None:
    foreign = envelope(statement(REPRODUCTION), stranger)
    elsewhere = [envelope(statement(BOOT_PROOF, subject=OTHER_DIGEST), one) for one in (key, stranger)]
    store.put_envelopes(IMAGE, [(REPRODUCTION, foreign), *((BOOT_PROOF, one) for one in elsewhere)])

    attester.attest(IMAGE, [statement(TESTS)])
    assert kinds(store) == [TESTS, REPRODUCTION]
    assert foreign in store.envelopes(DIGEST)


def test_statements_that_another_machine_replaced_are_written_again(
    attester: Attester, store: MemoryStore, stranger: PrivateKey
) -> None:
    theirs = [(REPRODUCTION, envelope(statement(REPRODUCTION), stranger))]
    store.overwrites.append(theirs)

    assert attester.attest(IMAGE, [statement(TESTS)]) == 2
    assert kinds(store) == [TESTS, REPRODUCTION]


def test_a_machine_that_replaces_them_each_time_is_an_error(attester: Attester, store: MemoryStore) -> None:
    store.overwrites.extend([[]] * 9)

    with pytest.raises(OverwrittenError, match=f"{NAME}@{DIGEST} could not be signed: another machine replaces"):
        attester.attest(IMAGE, [statement(TESTS)])
    assert store.stored_signatures == []


def test_a_damaged_attestation_is_told_and_written_again(
    attester: Attester, store: MemoryStore, said: list[str]
) -> None:
    store.damaged.append(True)

    assert attester.attest(IMAGE, [statement(TESTS)]) == 2
    assert said == ["it is not a DSSE envelope: damaged: it is written again"]


def test_a_signed_text_that_is_no_statement_is_told_and_left_out(
    attester: Attester, store: MemoryStore, said: list[str], key: PrivateKey
) -> None:
    signature = key.sign(authentication_bytes(PAYLOAD_TYPE, b"{}"))
    store.put_envelopes(IMAGE, [(TESTS, Envelope(payload=b"{}", signatures=(signature,)))])

    attester.attest(IMAGE, [statement(TESTS)])
    assert kinds(store) == [TESTS]
    assert "it is not an in-toto statement" in said[0]
