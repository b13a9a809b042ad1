"""The sections of component.yaml about signatures and security bulletins, and the public part of the modules' signer."""

import hashlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lifecycle.config.pem import PemSection
from lifecycle.config.schema import Model, formed

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


class Signing(Model):
    """The signer of the kernel modules. A value is the path of a file, or `env:NAME` (see lifecycle/config/pem.py)."""

    certificate: str = Field(min_length=1)
    """The certificate, which is public: a path, or `env:NAME`."""
    key: str = Field(min_length=1)
    """The private key: a path outside the checkout, or `env:NAME`."""
    passphrase: str | None = Field(default=None, min_length=1)
    """The passphrase of an encrypted key: `env:NAME`, or a path outside the checkout."""
    hash: Literal["sha256", "sha384", "sha512"] = "sha256"
    """The hash to sign."""


class Builder(Model):
    """A builder of images, and the keys with which it signs what it says of them (see lifecycle/config/pem.py)."""

    key: str = Field(min_length=1)
    """The private key: a path outside the checkout, or `env:NAME`."""
    public_key: str = Field(min_length=1)
    """The public key: a path, or `env:NAME`."""
    passphrase: str | None = Field(default=None, min_length=1)
    """The passphrase of an encrypted key: `env:NAME`, or a path outside the checkout."""
    builder: Annotated[
        str, formed(r"[a-z][a-z0-9+.-]*:\S+", "an address: write one such as https://ci.example.com/gpu")
    ]
    """An address that stands for the machines that hold the key."""


class Attest(Builder):
    """The builder that signs pushed images and the statements about them."""

    second_builder: Builder | None = None
    """A second builder. No node gets an image before it has built the same."""


class Advisories(Model):
    """The security bulletins to compare the drivers with."""

    source: str = Field(min_length=1)
    """A URL, an archive or a folder of CSAF documents."""
    sha256: Annotated[str, formed(r"[0-9a-f]{64}", "a sha256: write 64 hexadecimal digits")] | None = None
    """The sha256 of an archive or of a single document, which pins it."""


@dataclass(frozen=True, kw_only=True)
class Signer:
    """The public part of a signer: an X.509 certificate in PEM, its fingerprint (sha256 of its DER form, hex), the hash to sign."""

    certificate: str
    fingerprint: str
    hash: str


def signing_section(component: Path, environ: Mapping[str, str]) -> PemSection:
    """Return the section `signing` of component.yaml, at the path `component`."""
    return PemSection(component=component, path=("signing",), environ=environ)


def read_signer(component: Path, signing: Signing, environ: Mapping[str, str]) -> Signer:
    """Return the signer that component.yaml, at the path `component`, declares. Raises PemError.

    The certificate may be in the checkout.
    """
    section = signing_section(component, environ)
    text = section.pem("certificate", signing.certificate, secret=False)
    if "PRIVATE KEY-----" in text:
        raise section.error("certificate", "contains a private key too: remove it, this file is public")
    found = _CERTIFICATE.findall(text)
    if len(found) != 1:
        problem = (
            f"contains {len(found)} certificates in PEM form: name a file with the signer's own certificate alone "
            "(`openssl x509 -inform DER` makes PEM)"
        )
        raise section.error("certificate", problem)
    try:
        der = ssl.PEM_cert_to_DER_cert(found[0])
    except ValueError as error:
        raise section.error("certificate", f"is damaged ({error}): export it again") from error
    return Signer(certificate=found[0] + "\n", fingerprint=hashlib.sha256(der).hexdigest(), hash=signing.hash)
