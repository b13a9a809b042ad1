"""The private key that signs modules. It is checked against its certificate and kept in memory only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.config.component import Signing
from lifecycle.config.signing import Signer, SigningError, read_passphrase, read_pem
from lifecycle.tools.openssl import (
    OpensslError,
    certificate_algorithm,
    certificate_name,
    certificate_public_key,
    decrypted_key,
    key_public_key,
)

_RSA = "rsaEncryption"


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key as unencrypted PEM, with its signer; `name` is the certificate's common name."""

    signer: Signer
    name: str
    pem: bytes = field(repr=False)


def load_key(component: Path, signing: Signing, signer: Signer, environ: Mapping[str, str]) -> SigningKey:
    """Return the key that component.yaml, at the path `component`, names. Raises SigningError for an unusable key.

    Only RSA keys are allowed: their signatures (PKCS #1 v1.5, by sign-file) are the same bytes every time.
    """
    certificate = signer.certificate
    try:
        algorithm, name = certificate_algorithm(certificate), certificate_name(certificate)
    except OpensslError as error:
        raise SigningError(
            component, "certificate", f"is not a certificate ({error.brief}): export it again"
        ) from error
    if algorithm != _RSA:
        problem = f"has a key of type {algorithm}, whose signatures differ each time: use an RSA key"
        raise SigningError(component, "certificate", problem)
    pem = _decrypt(component, signing, read_pem(component, "key", signing.key, environ, secret=True), environ)
    try:
        is_pair = key_public_key(pem) == certificate_public_key(certificate)
    except OpensslError as error:
        raise SigningError(component, "key", f"is not a private key ({error.brief}): name one in PEM form") from error
    if not is_pair:
        problem = f"is not the key of the certificate of {name!r}: name a key and a certificate that belong together"
        raise SigningError(component, "key", problem)
    return SigningKey(signer=signer, name=name, pem=pem)


def _decrypt(component: Path, signing: Signing, text: str, environ: Mapping[str, str]) -> bytes:
    # PKCS #8 tells it in the first line (RFC 7468), the older form in a header (RFC 1421).
    if "ENCRYPTED" not in text:
        return text.encode()
    if signing.passphrase is None:
        raise SigningError(component, "key", "is encrypted: add its passphrase as `passphrase: env:NAME`")
    try:
        return decrypted_key(text.encode(), read_passphrase(component, signing.passphrase, environ))
    except OpensslError as error:
        raise SigningError(component, "passphrase", "does not decrypt the key: correct it") from error
