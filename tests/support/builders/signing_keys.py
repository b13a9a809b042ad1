"""Throw-away signers, and modules signed as scripts/sign-file.c signs them. `tests/images` does it with the real one."""

import hashlib
import ssl
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lifecycle.checks.signature import MARKER
from lifecycle.config.security import Signer


@dataclass(frozen=True)
class Pair:
    """A key and its certificate, as files."""

    certificate: Path
    key: Path

    @property
    def signer(self) -> Signer:
        pem = self.certificate.read_text()
        fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
        return Signer(certificate=pem, fingerprint=fingerprint, hash="sha256")


def make_pair(folder: Path, name: str, *, algorithm: str = "rsa:2048") -> Pair:
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(folder / "certificate.pem", folder / "key.pem")
    subject = f"/O=Team/CN={name}"
    options = [
        "-newkey",
        algorithm,
        "-noenc",
        "-subj",
        subject,
        "-keyout",
        str(pair.key),
        "-out",
        str(pair.certificate),
    ]
    if algorithm == "ec":
        options += ["-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(["openssl", "req", "-x509", "-batch", *options], check=True, capture_output=True)
    return pair


def sign(module: Path, pair: Pair) -> None:
    """Append a signature: a detached CMS without attributes and certificates, `struct module_signature`, the marker."""
    options = ["-sign", "-binary", "-noattr", "-nocerts", "-nosmimecap", "-md", "sha256", "-outform", "DER"]
    files = ["-in", str(module), "-signer", str(pair.certificate), "-inkey", str(pair.key)]
    signature = subprocess.run(["openssl", "cms", *options, *files], check=True, capture_output=True).stdout
    trailer = struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, len(signature))
    module.write_bytes(module.read_bytes() + signature + trailer + MARKER)
