"""The keys that `attest` in component.yaml names: a public one to verify with, and a private one to sign with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.config.pem import PemSection
from lifecycle.config.security import Attest
from lifecycle.pipeline.signing_key import private_key
from lifecycle.tools.openssl import OpensslError, is_signed, key_public_key, public_key_fingerprint, sign

_COSIGN_KEY = "SIGSTORE PRIVATE KEY"


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A public key as PEM, and the sha256 of its DER form (hex)."""

    pem: str
    fingerprint: str

    def verifies(self, content: bytes, signature: bytes) -> bool:
        """Return whether a signature is that of `content` by this key."""
        return is_signed(self.pem, content, signature)


@dataclass(frozen=True, kw_only=True)
class PrivateKey:
    """A private key as unencrypted PEM, with its public one."""

    public: PublicKey
    pem: bytes = field(repr=False)

    def sign(self, content: bytes) -> bytes:
        """Return the signature of some bytes. Raises OpensslError."""
        return sign(self.pem, content)


def read_public_key(component: Path, attest: Attest, environ: Mapping[str, str]) -> PublicKey:
    """Return the public key that component.yaml, at the path `component`, names. Raises PemError."""
    section = _section(component, environ)
    text = section.pem("publicKey", attest.public_key, secret=False)
    if "PRIVATE KEY-----" in text:
        raise section.error("publicKey", "contains a private key: remove it, this file is public")
    try:
        return PublicKey(pem=text, fingerprint=public_key_fingerprint(text))
    except OpensslError as error:
        raise section.error(
            "publicKey", f"is not a public key in PEM form ({error.brief}): write it with `openssl pkey -pubout`"
        ) from error


def read_private_key(component: Path, attest: Attest, environ: Mapping[str, str]) -> PrivateKey:
    """Return the private key that component.yaml, at the path `component`, names. Raises PemError, also if it is another's."""
    section, public = _section(component, environ), read_public_key(component, attest, environ)
    if _COSIGN_KEY in section.pem("key", attest.key, secret=True):
        problem = "is in cosign's own format: use a key that `openssl ecparam -name prime256v1 -genkey` has written"
        raise section.error("key", problem)
    pem = private_key(section, attest.key, attest.passphrase)
    if public_key_fingerprint(key_public_key(pem).decode()) != public.fingerprint:
        raise section.error("key", "does not belong to publicKey: name two keys that belong together")
    try:
        sign(pem, b"")
    except OpensslError as error:
        problem = f"cannot sign with sha256 ({error.brief}): use an ECDSA key, such as P-256, or an RSA key"
        raise section.error("key", problem) from error
    return PrivateKey(public=public, pem=pem)


def _section(component: Path, environ: Mapping[str, str]) -> PemSection:
    return PemSection(component=component, name="attest", environ=environ)
