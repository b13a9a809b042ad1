"""Keys and certificates in PEM form that a section of component.yaml names.

A value is either the path of a file, below the checkout if it is relative, or `env:NAME`. That variable then holds the text
itself, or the path of a file.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lifecycle.config.validation import read_document, read_text
from lifecycle.errors import ConfigurationError
from lifecycle.tools.openssl import OpensslError, decrypted_key, key_public_key
from lifecycle.tools.paths import BadPathError, expand

_ENV = "env:"
_PEM = "-----BEGIN "


class PemError(ConfigurationError):
    """A key of a section that names nothing usable: `component.yaml:9:3: signing.key: …`."""


@dataclass(frozen=True, kw_only=True)
class PemSection:
    """A section of component.yaml (at the path `component`) whose keys name PEM texts, and the environment that they may be in.

    `path` has the names of the section and of those around it.
    """

    component: Path
    path: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """The name of the section, such as `attest.secondBuilder`."""
        return ".".join(self.path)

    def error(self, key: str, problem: str) -> PemError:
        """Return the error about a key: the problem and what to do."""
        position = read_document(read_text(self.component), file=self.component.name).where((*self.path, key))
        return PemError([f"{position}: {self.name}.{key}: {problem}"])

    def pem(self, key: str, value: str, *, secret: bool) -> str:
        """Return the PEM text that a key names. Raises PemError if there is none, or a secret is in the checkout."""
        if not value.startswith(_ENV):
            return self._read_file(key, value, value, secret=secret)
        text = self._variable(key, value)
        # The variable may hold a secret that is not PEM after all, so errors name the variable.
        return text if _PEM in text else self._read_file(key, text.strip(), f"the file in {value}", secret=secret)

    def private_key(self, value: str, passphrase: str | None) -> bytes:
        """Return the private key that the section's `key` and `passphrase` name, as PEM without encryption. Raises PemError."""
        text = self.pem("key", value, secret=True)
        try:
            # PKCS #8 tells it in the first line (RFC 7468), the older form in a header (RFC 1421).
            pem = self._decrypt(text, passphrase) if "ENCRYPTED" in text else text.encode()
            key_public_key(pem)
        except OpensslError as error:
            raise self.error("key", f"is not a private key ({error.brief}): name one in PEM form") from error
        return pem

    def _decrypt(self, text: str, passphrase: str | None) -> bytes:
        if passphrase is None:
            raise self.error("key", "is encrypted: add its passphrase as `passphrase: env:NAME`")
        try:
            return decrypted_key(text.encode(), self.passphrase("passphrase", passphrase))
        except OpensslError as error:
            raise self.error("passphrase", "does not decrypt the key: correct it") from error

    def passphrase(self, key: str, value: str) -> str:
        """Return the passphrase: a variable's value, or the first line of a file outside the checkout. Raises PemError."""
        if value.startswith(_ENV):
            return self._variable(key, value)
        return self._read_file(key, value, value, secret=True).partition("\n")[0]

    def _variable(self, key: str, value: str) -> str:
        name = value.removeprefix(_ENV)
        text = self.environ.get(name, "")
        if not text.strip():
            raise self.error(key, f"the environment variable {name} is not set: set it, or name a file here")
        return text

    def _read_file(self, key: str, value: str, shown: str, *, secret: bool) -> str:
        root = self.component.parent.absolute()
        try:
            path = root / expand(value, name=f"{self.name}.{key}")
            inside = Path(os.path.normpath(path)).is_relative_to(root) or path.resolve().is_relative_to(root.resolve())
            if secret and inside:
                raise self.error(key, f"{shown} is in the checkout: keep secrets outside it, or use env:NAME")
            return path.read_text(encoding="utf-8")
        except BadPathError as error:
            # The text of the error would have the value, which may be a secret.
            raise self.error(key, f"{shown} names no path of this machine: write it in full") from error
        except FileNotFoundError as error:
            raise self.error(key, f"{shown} does not exist: create it, or name another file") from error
        except OSError as error:
            raise self.error(key, f"cannot read {shown}: {error.strerror}: name a readable file") from error
        except UnicodeDecodeError as error:
            problem = f"{shown} is not PEM text: convert it (`openssl x509 -inform DER`, `openssl pkey -inform DER`)"
            raise self.error(key, problem) from error
