"""DSSE envelopes: signed in-toto statements as JSON.

Sources: Dead Simple Signing Envelope v1.0.2 (secure-systems-lab/dsse, protocol.md and envelope.md); in-toto Attestation Framework,
"Envelope".
"""

import base64
import binascii
import json
from dataclasses import dataclass

from pydantic import BaseModel, Field, ValidationError

from lifecycle.errors import InstallerError
from lifecycle.tools.problems import first_problem

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class BadEnvelopeError(InstallerError):
    """An envelope in another format than DSSE's."""

    def __init__(self, why: str) -> None:
        super().__init__(f"it is not a DSSE envelope: {why}")


class _Signature(BaseModel):
    sig: str
    keyid: str = ""


class _Document(BaseModel):
    payload_type: str = Field(alias="payloadType")
    payload: str
    signatures: list[_Signature]


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """A payload with its type and its signatures, all as bytes."""

    payload: bytes
    signatures: tuple[bytes, ...]
    payload_type: str = PAYLOAD_TYPE

    @property
    def signed(self) -> bytes:
        """The bytes that each signature covers."""
        return authentication_bytes(self.payload_type, self.payload)

    def to_json(self) -> bytes:
        """Return the envelope as JSON, with an empty `keyid` as cosign writes it."""
        signatures = [{"keyid": "", "sig": base64.b64encode(signature).decode()} for signature in self.signatures]
        content = {
            "payloadType": self.payload_type,
            "payload": base64.b64encode(self.payload).decode(),
            "signatures": signatures,
        }
        return json.dumps(content, separators=(",", ":")).encode()


def authentication_bytes(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes to sign, DSSE's pre-authentication encoding (PAE)."""
    name = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def read_envelope(content: bytes) -> Envelope:
    """Return the envelope in a JSON document. Its signatures are not checked. Raises BadEnvelopeError."""
    try:
        read = _Document.model_validate_json(content)
        return Envelope(
            payload=base64.b64decode(read.payload, validate=True),
            signatures=tuple(base64.b64decode(entry.sig, validate=True) for entry in read.signatures),
            payload_type=read.payload_type,
        )
    except ValidationError as error:
        raise BadEnvelopeError(first_problem(error)) from error
    except binascii.Error as error:
        raise BadEnvelopeError(str(error)) from error
