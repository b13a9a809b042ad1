"""The appended signature of a kernel module: its parts, and its verification with the certificate of the declared signer.

A signed module consists of the module, a CMS signature, a trailer of 12 bytes with type and length, and a marker
(scripts/sign-file.c; `struct module_signature` in include/linux/module_signature.h).
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from lifecycle.config.security import Signer
from lifecycle.tools.openssl import OpensslError, certificate_name, signature_details, verify_signature

MARKER = b"~Module signature appended~\n"
# algo, hash, id_type, signer_len, key_id_len, 3 bytes of padding, sig_len (big endian); with PKCS #7 all but id_type and
# sig_len are 0 (kernel/module_signature.c, mod_check_sig).
_TRAILER = struct.Struct(">BBBBB3xI")
_PKCS7 = 2


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The signature of a module.

    `signer` is the name of the signer, `hash` the name of the hash. `checked` is False without a certificate to verify it
    with. `problem` says why it is not valid, and is empty for a valid or unchecked signature.
    """

    signer: str
    hash: str
    checked: bool
    problem: str

    @property
    def state(self) -> str:
        """The state in a word: `valid`, `wrong`, or `unknown` (not checked)."""
        return "wrong" if self.problem else "valid" if self.checked else "unknown"


def split_signature(data: bytes) -> tuple[bytes, bytes]:
    """Return the module and the CMS signature of a signed module. Raises ValueError if it is unsigned or damaged."""
    body = data.removesuffix(MARKER)
    if len(body) == len(data) or len(body) < _TRAILER.size:
        raise ValueError("it has no signature")
    *rest, length = _TRAILER.unpack(body[-_TRAILER.size :])
    body = body[: -_TRAILER.size]
    if rest != [0, 0, _PKCS7, 0, 0]:
        raise ValueError("its signature is not of type PKCS #7")
    if not 0 < length < len(body):
        raise ValueError("its signature is damaged: its length is not that of a part of the file")
    return body[:-length], body[-length:]


def read_signature(path: Path, signer: Signer | None) -> Signature:
    """Return the signature of a signed module, verified with the certificate of a signer if there is one."""
    signer_name, hash_name = "", ""
    try:
        content, signature = split_signature(path.read_bytes())
        signer_name, _, hash_name = signature_details(signature)
        if signer is None:
            return Signature(signer=signer_name, hash=hash_name, checked=False, problem="")
        verify_signature(signature, content, signer.certificate)
    except (ValueError, OpensslError) as error:
        return Signature(signer=signer_name, hash=hash_name, checked=signer is not None, problem=str(error))
    return Signature(signer=certificate_name(signer.certificate), hash=hash_name, checked=True, problem="")
