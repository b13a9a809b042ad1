"""The private key that signs modules. It is checked against its certificate and kept in memory only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.config.security import Signer, Signing, signing_section
from lifecycle.tools.openssl import (
    OpensslError,
    certificate_algorithm,
    certificate_name,
    certificate_public_key,
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
    """Return the key that component.yaml, at the path `component`, names. Raises PemError for an unusable key.

    Only RSA keys are allowed: their signatures (PKCS #1 v1.5, by sign-file) are the same bytes every time.
    """
    section, certificate = signing_section(component, environ), signer.certificate
    try:
        algorithm, name = certificate_algorithm(certificate), certificate_name(certificate)
    except OpensslError as error:
        raise section.error("certificate", f"is not a certificate ({error.brief}): export it again") from error
    if algorithm != _RSA:
        problem = f"has a key of type {algorithm}, whose signatures differ each time: use an RSA key"
        raise section.error("certificate", problem)
    pem = section.private_key(signing.key, signing.passphrase)
    if key_public_key(pem) != certificate_public_key(certificate):
        problem = f"is not the key of the certificate of {name!r}: name a key and a certificate that belong together"
        raise section.error("key", problem)
    return SigningKey(signer=signer, name=name, pem=pem)
