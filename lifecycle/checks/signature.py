"""A kernel module's appended signature: what it says of itself, and whether it is the declared signer's.

The form is that of scripts/sign-file.c and `struct module_signature` (include/linux/module_signature.h): the module, a CMS
signature, 12 bytes that say what it is and how long, and a marker.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from lifecycle.config.signing import Signer
from lifecycle.tools.openssl import OpensslError, certificate_name, signature_details, verify_signature

MARKER = b"~Module signature appended~\n"
# algo, hash, id_type, signer_len, key_id_len, 3 bytes of padding, sig_len (big endian); all but the last two used ones
# are 0 with PKCS #7 (kernel/module_signature.c, mod_check_sig).
_TRAILER = struct.Struct(">BBBBB3xI")
_PKCS7 = 2


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A module's signature.

    `signer` is the name of who made it and `hash` what it is of. `problem` is empty where it holds; `checked` is False
    where there is no certificate to check it against, and then nobody knows.
    """

    signer: str
    hash: str
    checked: bool
    problem: str

    @property
    def state(self) -> str:
        """In a word: `valid`, `wrong`, or `unknown`."""
        return "wrong" if self.problem else "valid" if self.checked else "unknown"


def split_signature(data: bytes) -> tuple[bytes, bytes]:
    """A signed module's bytes as the module and the CMS signature; ValueError where they do not add up."""
    body = data.removesuffix(MARKER)
    if len(body) == len(data) or len(body) < _TRAILER.size:
        raise ValueError("it has no signature")
    *rest, length = _TRAILER.unpack(body[-_TRAILER.size :])
    body = body[: -_TRAILER.size]
    if rest != [0, 0, _PKCS7, 0, 0]:
        raise ValueError("its signature is not of the kind PKCS #7")
    if not 0 < length < len(body):
        raise ValueError("its signature is damaged: it claims to be longer than the file")
    return body[:-length], body[-length:]


def read_signature(path: Path, signer: Signer | None) -> Signature:
    """The signature of a module that has one, checked against the signer's certificate if there is a signer."""
    who, hash_name = "", ""
    try:
        content, signature = split_signature(path.read_bytes())
        who, _, hash_name = signature_details(signature)
        if signer is None:
            return Signature(signer=who, hash=hash_name, checked=False, problem="")
        verify_signature(signature, content, signer.certificate)
    except (ValueError, OpensslError) as error:
        return Signature(signer=who, hash=hash_name, checked=signer is not None, problem=str(error))
    return Signature(signer=certificate_name(signer.certificate), hash=hash_name, checked=True, problem="")
