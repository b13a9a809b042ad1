"""The signer of pushed images: it signs an image and the statements about it, and stores both in the registry.

A stored statement with the same content keeps its signature, so a repeated push writes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lifecycle.attest.cosign_format import BadSignatureError, signature_payload
from lifecycle.attest.dsse import PAYLOAD_TYPE, BadEnvelopeError, Envelope, authentication_bytes
from lifecycle.attest.key import PrivateKey
from lifecycle.attest.statements import PROVENANCE, BadStatementError, Statement, read_statement
from lifecycle.attest.storage import Signature, SignatureStore
from lifecycle.tools.registry.blobs import WrongBlobError
from lifecycle.tools.registry.manifest import Descriptor

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Attester:
    """The signer of the images in one repository, `name` (`registry/repository`). `warn` receives what was unreadable."""

    name: str
    key: PrivateKey
    store: SignatureStore
    warn: Callable[[str], None]

    def attest(self, image: Descriptor, statements: Sequence[Statement]) -> int:
        """Sign an image and the statements about it. Return the number of new signatures.

        Stored statements of other types stay if the key has signed them. Raises RegistryRefusedError, OpensslError.
        """
        stored = self._stored(image.digest)
        envelopes = {kind: envelope for kind, (_, envelope) in stored.items()}
        new = 0
        for statement in statements:
            known = stored.get(statement.predicate_type)
            if known is None or not _says_the_same(known[0], statement):
                envelopes[statement.predicate_type] = self._envelope(statement.to_json())
                new += 1
        if new:
            self.store.put_envelopes(image, sorted(envelopes.items()))
        # The signature comes last: an image that is signed has its statements.
        return new + self._sign(image)

    def _sign(self, image: Descriptor) -> int:
        payload = signature_payload(self.name, image.digest)
        stored = self._readable(lambda: self.store.signatures(image.digest))
        if any(one.payload == payload and self.key.public.verifies(payload, one.signature) for one in stored):
            return 0
        # Others may have signed the image too.
        self.store.put_signatures(image, [*stored, Signature(payload=payload, signature=self.key.sign(payload))])
        return 1

    def _envelope(self, payload: bytes) -> Envelope:
        return Envelope(payload=payload, signatures=(self.key.sign(authentication_bytes(PAYLOAD_TYPE, payload)),))

    def _stored(self, image: str) -> dict[str, tuple[Statement, Envelope]]:
        """Return the stored statements about an image that the key has signed, by predicate type."""
        own = [
            envelope
            for envelope in self._readable(lambda: self.store.envelopes(image))
            if any(self.key.public.verifies(envelope.signed, signature) for signature in envelope.signatures)
        ]
        statements = self._readable(lambda: [(read_statement(envelope.payload), envelope) for envelope in own])
        return {statement.predicate_type: (statement, e) for statement, e in statements if statement.subject == image}

    def _readable(self, read: Callable[[], list[_T]]) -> list[_T]:
        try:
            return read()
        except (BadSignatureError, BadEnvelopeError, BadStatementError, WrongBlobError) as error:
            self.warn(f"{error.brief}: it is written again")
            return []


def _says_the_same(stored: Statement, new: Statement) -> bool:
    """Return whether a new statement would add nothing to a stored one."""
    if new.predicate_type != PROVENANCE:
        return stored.to_json() == new.to_json()
    # A later commit with the same inputs makes the same image: the provenance stays that of the first push.
    return bool(_made(stored) == _made(new))


def _made(statement: Statement) -> object:
    return statement.predicate.get("buildDefinition", {}).get("internalParameters")
