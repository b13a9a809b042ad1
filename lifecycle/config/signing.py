"""The files that `signing` in component.yaml names: a public certificate, and a private key from outside the repository.

A value is either the path of a file, below the checkout if it is relative, or `env:NAME`. That variable then holds the text
itself, or the path of a file.
"""

import hashlib
import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lifecycle.config.component import Signing
from lifecycle.config.validation import read_document, read_text
from lifecycle.errors import ConfigurationError
from lifecycle.tools.paths import BadPathError, expand

_ENV = "env:"
_PEM = "-----BEGIN "
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True, kw_only=True)
class Signer:
    """The public part of a signer: an X.509 certificate in PEM, its fingerprint (sha256 of its DER form, hex), the hash to sign."""

    certificate: str
    fingerprint: str
    hash: str


class SigningError(ConfigurationError):
    """A key of `signing` that names nothing usable: `component.yaml:9:3: signing.key: …`."""

    def __init__(self, component: Path, key: str, problem: str) -> None:
        position = read_document(read_text(component), file=component.name).where(("signing", key))
        super().__init__([f"{position}: signing.{key}: {problem}"])


def read_signer(component: Path, signing: Signing, environ: Mapping[str, str]) -> Signer:
    """Return the signer that component.yaml, at the path `component`, declares. Raises SigningError.

    The certificate may be in the checkout.
    """
    text = read_pem(component, "certificate", signing.certificate, environ, secret=False)
    if "PRIVATE KEY-----" in text:
        problem = "contains a private key too: remove it, this file is public"
        raise SigningError(component, "certificate", problem)
    found = _CERTIFICATE.findall(text)
    if len(found) != 1:
        problem = (
            f"contains {len(found)} certificates in PEM form: name a file with the signer's own certificate alone "
            "(`openssl x509 -inform DER` makes PEM)"
        )
        raise SigningError(component, "certificate", problem)
    try:
        der = ssl.PEM_cert_to_DER_cert(found[0])
    except ValueError as error:
        raise SigningError(component, "certificate", f"is damaged ({error}): export it again") from error
    return Signer(certificate=found[0] + "\n", fingerprint=hashlib.sha256(der).hexdigest(), hash=signing.hash)


def read_pem(component: Path, key: str, value: str, environ: Mapping[str, str], *, secret: bool) -> str:
    """Return the PEM text that a key of `signing` names. Raises SigningError if there is none, or a secret is in the checkout."""
    if not value.startswith(_ENV):
        return _read_file(component, key, value, value, secret=secret)
    text = _variable(component, key, value, environ)
    # The variable may hold a secret that is not PEM after all, so errors name the variable.
    return text if _PEM in text else _read_file(component, key, text.strip(), f"the file in {value}", secret=secret)


def read_passphrase(component: Path, value: str, environ: Mapping[str, str]) -> str:
    """Return the passphrase: a variable's value, or the first line of a file outside the checkout. Raises SigningError."""
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
    try:
        path = root / expand(value, name=f"signing.{key}")
        inside = Path(os.path.normpath(path)).is_relative_to(root) or path.resolve().is_relative_to(root.resolve())
        if secret and inside:
            raise SigningError(component, key, f"{shown} is in the checkout: keep secrets outside it, or use env:NAME")
        return path.read_text(encoding="utf-8")
    except BadPathError as error:
        # The text of the error would have the value, which may be a secret.
        raise SigningError(component, key, f"{shown} names no path of this machine: write it in full") from error
    except FileNotFoundError as error:
        raise SigningError(component, key, f"{shown} does not exist: create it, or name another file") from error
    except OSError as error:
        raise SigningError(component, key, f"cannot read {shown}: {error.strerror}: name a readable file") from error
    except UnicodeDecodeError as error:
        problem = f"{shown} is not PEM text: convert it (`openssl x509 -inform DER`, `openssl pkey -inform DER`)"
        raise SigningError(component, key, problem) from error
