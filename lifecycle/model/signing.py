"""What `signing` in component.yaml names: a certificate, which is public, and a key, which never comes from the repository.

A value is a file's path, below the checkout if it is relative, or `env:NAME`: that variable then holds the text itself, or
a file's path.
"""

import hashlib
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import ConfigurationError
from lifecycle.model.component import Signing
from lifecycle.model.validation import read_text
from lifecycle.model.yaml_text import read_yaml

_ENV = "env:"
_PEM = "-----BEGIN "
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Who signs, as all may know: an X.509 certificate in PEM, the sha256 of its DER form as hex, and the hash to sign."""

    certificate: str
    fingerprint: str
    hash: str


class SigningError(ConfigurationError):
    """What `signing` names and cannot be used: `component.yaml:9:3: signing.key: …`, one sentence."""

    def __init__(self, component: Path, key: str, said: str) -> None:
        place = read_yaml(read_text(component), file=component.name).where(("signing", key))
        super().__init__([f"{place}: signing.{key}: {said}"])


def read_signer(component: Path, signing: Signing, environ: Mapping[str, str]) -> Signer:
    """The signer that component.yaml, at that path, declares; the certificate may lie in the checkout. Raises SigningError."""
    text = read_pem(component, "certificate", signing.certificate, environ, secret=False)
    if "PRIVATE KEY-----" in text:
        said = "holds a private key too: take it out, this file is public"
        raise SigningError(component, "certificate", said)
    found = _CERTIFICATE.findall(text)
    if len(found) != 1:
        said = f"holds {len(found)} certificates in PEM form: name the signer's own, one (`openssl x509 -inform DER` makes PEM)"
        raise SigningError(component, "certificate", said)
    try:
        der = ssl.PEM_cert_to_DER_cert(found[0])
    except ValueError as error:
        raise SigningError(component, "certificate", f"is damaged ({error}): export it again") from error
    return Signer(certificate=found[0] + "\n", fingerprint=hashlib.sha256(der).hexdigest(), hash=signing.hash)


def read_pem(component: Path, key: str, value: str, environ: Mapping[str, str], *, secret: bool) -> str:
    """The text of what a key of `signing` names; raises SigningError where there is none, or a secret is in the checkout."""
    if not value.startswith(_ENV):
        return _read_file(component, key, value, value, secret=secret)
    text = _variable(component, key, value, environ)
    # What a variable holds may be a secret that is no PEM after all: an error names the variable.
    return text if _PEM in text else _read_file(component, key, text.strip(), f"what {value} names", secret=secret)


def read_passphrase(component: Path, value: str, environ: Mapping[str, str]) -> str:
    """The passphrase: a variable's value, or the first line of a file outside the checkout; raises SigningError."""
    if value.startswith(_ENV):
        return _variable(component, "passphrase", value, environ)
    return _read_file(component, "passphrase", value, value, secret=True).partition("\n")[0]


def _variable(component: Path, key: str, value: str, environ: Mapping[str, str]) -> str:
    name = value.removeprefix(_ENV)
    text = environ.get(name, "")
    if not text.strip():
        raise SigningError(component, key, f"the environment variable {name} is not set: set it, or name a file here")
    return text


def _read_file(component: Path, key: str, value: str, shown: str, *, secret: bool) -> str:
    root = component.parent.absolute()
    path = root / Path(value).expanduser()
    try:
        inside = Path(os.path.normpath(path)).is_relative_to(root) or path.resolve().is_relative_to(root.resolve())
        if secret and inside:
            raise SigningError(
                component, key, f"{shown} is in the checkout: keep secrets outside of it, or use env:NAME"
            )
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SigningError(component, key, f"there is no file {shown}: create it, or name another") from error
    except OSError as error:
        raise SigningError(component, key, f"{shown} cannot be read: {error.strerror}: name a file that can") from error
    except UnicodeDecodeError as error:
        said = f"{shown} is not PEM text: convert it (`openssl x509 -inform DER`, `openssl pkey -inform DER`)"
        raise SigningError(component, key, said) from error
