import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.attest.dsse import BadEnvelopeError, Envelope, authentication_bytes, read_envelope


def test_the_signed_bytes_are_those_of_the_specification() -> None:
    # The example of secure-systems-lab/dsse, protocol.md.
    assert authentication_bytes("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@given(st.binary(), st.lists(st.binary(), max_size=3))
def test_an_envelope_survives_its_json(payload: bytes, signatures: list[bytes]) -> None:
    envelope = Envelope(payload=payload, signatures=tuple(signatures))

    assert read_envelope(envelope.to_json()) == envelope


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "the document: Invalid JSON"),
        (b"{}", "payloadType: Field required"),
        (json.dumps({"payloadType": "a", "payload": "!", "signatures": []}).encode(), "not a DSSE envelope"),
        (json.dumps({"payloadType": "a", "payload": "", "signatures": [{}]}).encode(), "signatures.0.sig"),
    ],
)
def test_anything_else_is_refused_with_its_problem(content: bytes, problem: str) -> None:
    with pytest.raises(BadEnvelopeError, match=problem):
        read_envelope(content)
