"""The keys that `attest` in component.yaml names: a public one to verify with, and a private one to sign with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.config.pem import PemSection
from lifecycle.config.security import Attest, Builder
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


@dataclass(frozen=True, kw_only=True)
class BuilderKeys:
    """The keys of a builder, which a section of component.yaml names. They are read when they are needed."""

    section: PemSection
    builder: Builder

    def public(self) -> PublicKey:
        """Return the public key. Raises PemError."""
        text = self.section.pem("publicKey", self.builder.public_key, secret=False)
        if "PRIVATE KEY-----" in text:
            raise self.section.error("publicKey", "contains a private key: remove it, this file is public")
        try:
            return PublicKey(pem=text, fingerprint=public_key_fingerprint(text))
        except OpensslError as error:
            problem = f"is not a public key in PEM form ({error.brief}): write it with `openssl pkey -pubout`"
            raise self.section.error("publicKey", problem) from error

    def private(self) -> PrivateKey:
        """Return the private key. Raises PemError, also if it does not belong to the public one."""
        section, public = self.section, self.public()
        if _COSIGN_KEY in section.pem("key", self.builder.key, secret=True):
            problem = "is in cosign's own format: use a key that `openssl ecparam -name prime256v1 -genkey` has written"
            raise section.error("key", problem)
        pem = section.private_key(self.builder.key, self.builder.passphrase)
        if public_key_fingerprint(key_public_key(pem).decode()) != public.fingerprint:
            raise section.error("key", "does not belong to publicKey: name two keys that belong together")
        try:
            sign(pem, b"")
        except OpensslError as error:
            problem = f"cannot sign with sha256 ({error.brief}): use an ECDSA key, such as P-256, or an RSA key"
            raise section.error("key", problem) from error
        return PrivateKey(public=public, pem=pem)


def first_keys(component: Path, attest: Attest, environ: Mapping[str, str]) -> BuilderKeys:
    """Return the keys of the builder that pushes. `component` is the path of component.yaml."""
    return BuilderKeys(section=PemSection(component=component, path=("attest",), environ=environ), builder=attest)


def second_keys(component: Path, attest: Attest, environ: Mapping[str, str]) -> BuilderKeys | None:
    """Return the keys of the second builder, or None if none is declared."""
    if attest.second_builder is None:
        return None
    section = PemSection(component=component, path=("attest", "secondBuilder"), environ=environ)
    return BuilderKeys(section=section, builder=attest.second_builder)


@dataclass(frozen=True, kw_only=True)
class TrustedKeys:
    """The public keys with which images are verified. `second` is that of the second builder, if there is one."""

    first: PublicKey
    second: PublicKey | None = None


def trusted_keys(component: Path, attest: Attest, environ: Mapping[str, str]) -> TrustedKeys:
    """Return the public keys that component.yaml, at the path `component`, names. Raises PemError, also if both are the same."""
    first, keys = first_keys(component, attest, environ).public(), second_keys(component, attest, environ)
    if keys is None:
        return TrustedKeys(first=first)
    second = keys.public()
    if second.fingerprint == first.fingerprint:
        raise keys.section.error("publicKey", "is the key of the first builder: the second one needs its own")
    return TrustedKeys(first=first, second=second)
