import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.checks.fit import Expectation, Problem, check_modules, examine_modules
from lifecycle.checks.kernel_module import read_module
from lifecycle.checks.signature import MARKER, Signature, read_signature, split_signature
from lifecycle.checks.symvers import Export, Symvers
from lifecycle.config.security import Signer
from tests.support.builders.kernel_modules import MakeModule
from tests.support.builders.signing_keys import Pair, sign

KERNEL = {"module_layout": 0xAAAA0001, "printk": 0x11111111}


def expectation(signer: Signer | None) -> Expectation:
    exports = {name: Export(crc=crc, gpl_only=False, namespace="") for name, crc in KERNEL.items()}
    return Expectation(
        symvers=Symvers(exports),
        kernel_release="6.1.0-56-cloud-amd64",
        architecture="amd64",
        driver_version="535.309.01",
        signer=signer,
    )


def found(path: Path, signer: Signer | None) -> list[tuple[Problem, str]]:
    return [(f.problem, f.message) for f in check_modules([read_module(path)], expectation(signer))]


@pytest.fixture
def signed(make_module: MakeModule, ours: Pair) -> Path:
    path = make_module()
    sign(path, ours)
    return path


def test_a_signature_of_the_declared_signer_is_valid(signed: Path, ours: Pair) -> None:
    assert read_signature(signed, ours.signer) == Signature(
        signer="Our modules", hash="sha256", checked=True, problem=""
    )
    assert found(signed, ours.signer) == []


def test_a_signed_module_is_read_like_any_other(make_module: MakeModule, signed: Path) -> None:
    module = read_module(signed)

    assert (module.signed, module.size) == (True, signed.stat().st_size)
    assert module.imports == read_module(make_module()).imports


@pytest.mark.parametrize("where", ["the first byte of the code", "the last byte before the signature"])
def test_one_changed_byte_makes_the_signature_wrong(signed: Path, ours: Pair, where: str) -> None:
    data = bytearray(signed.read_bytes())
    content, _ = split_signature(bytes(data))
    data[64 if where.startswith("the first") else len(content) - 1] ^= 1
    signed.write_bytes(data)
    signature = read_signature(signed, ours.signer)

    assert signature.state == "wrong"
    assert signature.problem == "bad signature"


def test_a_changed_module_is_a_finding_that_names_signer_and_reason(signed: Path, ours: Pair) -> None:
    data = signed.read_bytes()
    signed.write_bytes(data.replace(b"535.309.01", b"535.309.02"))

    assert (
        Problem.SIGNATURE,
        "is signed by O=Team, CN=Our modules, but the signature is not valid: bad signature",
    ) in (found(signed, ours.signer))


def test_a_signature_by_another_signer_is_wrong(make_module: MakeModule, ours: Pair, theirs: Pair) -> None:
    path = make_module()
    sign(path, theirs)

    assert found(path, ours.signer) == [
        (
            Problem.SIGNATURE,
            "is signed by O=Team, CN=Somebody else, but the signature is not valid: signer certificate not found",
        )
    ]


def test_a_missing_signature_is_a_finding_if_signing_is_declared(make_module: MakeModule, ours: Pair) -> None:
    assert found(make_module(), ours.signer) == [
        (Problem.UNSIGNED, "is not signed, though component.yaml declares signing")
    ]


def test_without_a_signer_no_signature_is_required(make_module: MakeModule, signed: Path) -> None:
    (examined,) = examine_modules([read_module(signed)], expectation(None))

    assert found(make_module("other"), None) == []
    assert examined.findings == ()
    assert examined.signature == Signature(signer="O=Team, CN=Our modules", hash="sha256", checked=False, problem="")
    assert examined.signature.state == "unknown"


@pytest.mark.parametrize(
    ("tail", "problem"),
    [
        (MARKER, "its signature is not of type PKCS #7"),
        (struct.pack(">BBBBB3xI", 0, 0, 1, 0, 0, 4) + MARKER, "its signature is not of type PKCS #7"),
        (
            struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, 10**6) + MARKER,
            "its signature is damaged: its length is not that of a part",
        ),
        (struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, 0) + MARKER, "its signature is damaged"),
        (b"1234" + struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, 4) + MARKER, ""),
    ],
)
def test_a_damaged_signature_is_a_finding(make_module: MakeModule, ours: Pair, tail: bytes, problem: str) -> None:
    path = make_module()
    path.write_bytes(path.read_bytes() + tail)
    ((kind, message),) = found(path, ours.signer)

    assert kind is Problem.SIGNATURE
    assert problem in message


@given(st.binary(min_size=1), st.binary(min_size=1))
def test_a_joined_module_and_signature_are_split_again(content: bytes, signature: bytes) -> None:
    trailer = struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, len(signature))

    assert split_signature(content + signature + trailer + MARKER) == (content, signature)


@given(st.binary(max_size=60))
def test_bytes_without_a_signature_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="signature"):
        split_signature(data)
