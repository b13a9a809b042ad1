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
from lifecycle.errors import InstallerError
from lifecycle.tools.registry.blobs import WrongBlobError
from lifecycle.tools.registry.manifest import Descriptor

_T = TypeVar("_T")
# Times that what was just written is looked up, and written again if another machine has replaced it.
_ATTEMPTS = 3


class OverwrittenError(InstallerError):
    """Statements or signatures that another machine replaced each time they were written."""

    def __init__(self, name: str, image: str) -> None:
        super().__init__(
            f"{name}@{image} could not be signed: another machine replaces its statements at the same time",
            resolution="Run the command again when the other one has ended.",
        )


@dataclass(frozen=True, kw_only=True)
class Attester:
    """The signer of the images in one repository, `name` (`registry/repository`). `warn` receives what was unreadable."""

    name: str
    key: PrivateKey
    store: SignatureStore
    warn: Callable[[str], None]

    def attest(self, image: Descriptor, statements: Sequence[Statement]) -> int:
        """Sign an image and the statements about it. Return the number of new signatures.

        Stored statements of other types and of other keys stay. Raises RegistryRefusedError, OpensslError, OverwrittenError.
        """
        new = self._until_stored(image, lambda: self._write_statements(image, statements))
        # The signature comes last: an image that is signed has its statements.
        return new + self._until_stored(image, lambda: self._write_signature(image))

    def _until_stored(self, image: Descriptor, write: Callable[[], int]) -> int:
        """Write until nothing is missing, because registries cannot compare and swap. Return the number of what was missing."""
        missing = write()
        for _ in range(_ATTEMPTS):
            if not missing or not write():
                return missing
        raise OverwrittenError(self.name, image.digest)

    def _write_statements(self, image: Descriptor, statements: Sequence[Statement]) -> int:
        """Write the statements that are missing, if any, and return their number."""
        own, others = self._stored(image.digest)
        envelopes, missing = {kind: envelope for kind, (_, envelope) in own.items()}, 0
        for statement in statements:
            known = own.get(statement.predicate_type)
            if known is None or not _says_the_same(known[0], statement):
                envelopes[statement.predicate_type] = self._envelope(statement.to_json())
                missing += 1
        if missing:
            self.store.put_envelopes(image, [*sorted(envelopes.items()), *others])
        return missing

    def _write_signature(self, image: Descriptor) -> int:
        """Write the signature if it is missing, and return the number of those that were missing."""
        payload = signature_payload(self.name, image.digest)
        stored = self._readable(lambda: self.store.signatures(image.digest))
        if any(one.payload == payload and self.key.public.verifies(payload, one.signature) for one in stored):
            return 0
        # Others may have signed the image too.
        self.store.put_signatures(image, [*stored, Signature(payload=payload, signature=self.key.sign(payload))])
        return 1

    def _envelope(self, payload: bytes) -> Envelope:
        return Envelope(payload=payload, signatures=(self.key.sign(authentication_bytes(PAYLOAD_TYPE, payload)),))

    def _stored(self, image: str) -> tuple[dict[str, tuple[Statement, Envelope]], list[tuple[str, Envelope]]]:
        """Return the stored statements about an image: own ones by predicate type, and the envelopes of others with their types."""
        own: dict[str, tuple[Statement, Envelope]] = {}
        others: list[tuple[str, Envelope]] = []
        for envelope in self._readable(lambda: self.store.envelopes(image)):
            try:
                statement = read_statement(envelope.payload)
            except BadStatementError as error:
                self.warn(f"{error.brief}: it is left out")
                continue
            if statement.subject != image:
                continue
            if any(self.key.public.verifies(envelope.signed, signature) for signature in envelope.signatures):
                own[statement.predicate_type] = (statement, envelope)
            else:
                others.append((statement.predicate_type, envelope))
        return own, others

    def _readable(self, read: Callable[[], list[_T]]) -> list[_T]:
        try:
            return read()
        except (BadSignatureError, BadEnvelopeError, WrongBlobError) as error:
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
