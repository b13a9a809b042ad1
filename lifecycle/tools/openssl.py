"""Certificates, keys and signatures, read and checked by the openssl program. Secrets only reach it through pipes."""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache

from lifecycle.errors import InstallerError
from lifecycle.tools.process import ProgramMissingError, environment, log_command

_COMMON_NAME = re.compile(r"^ *commonName *= (.+)$", re.MULTILINE)
_ISSUER = re.compile(r"^ *issuer: (.*)$", re.MULTILINE)
_DIGEST = re.compile(r"digestAlgorithm: *\n *algorithm: (\S+)")
_SERIAL = re.compile(r"^ *serialNumber: (\S+)$", re.MULTILINE)


class OpensslError(InstallerError):
    """An error of openssl; `brief` is the first reason that it printed."""

    def __init__(self, output: str) -> None:
        # "802B…:error:1700008A:CMS routines:CMS_verify:signer certificate not found:../crypto/…" (ERR_error_string(3)).
        reasons = [line.split(":")[5] for line in output.splitlines() if line.count(":error:") and line.count(":") > 5]
        lines = output.strip().splitlines() or ["openssl printed no reason"]
        super().__init__(reasons[0] if reasons else lines[0])


@cache
def certificate_name(pem: str) -> str:
    """Return the common name in the subject of a certificate (PEM), or the whole subject. Raises OpensslError."""
    subject = openssl("x509", "-noout", "-subject", "-nameopt", "multiline,-esc_msb,utf8", stdin=pem.encode()).decode()
    found = _COMMON_NAME.findall(subject)
    return str(found[-1]) if found else " ".join(subject.partition("=")[2].split())


def certificate_algorithm(pem: str) -> str:
    """Return OpenSSL's name of a certificate's key algorithm: `rsaEncryption`, `id-ecPublicKey`. Raises OpensslError."""
    text = openssl("x509", "-noout", "-text", stdin=pem.encode()).decode(errors="replace")
    return text.partition("Public Key Algorithm: ")[2].partition("\n")[0]


def certificate_public_key(pem: str) -> bytes:
    """Return the public key of a certificate as PEM. Raises OpensslError."""
    return openssl("x509", "-noout", "-pubkey", stdin=pem.encode())


def key_public_key(pem: bytes) -> bytes:
    """Return the public key of a private key as PEM. Raises OpensslError."""
    return openssl("pkey", "-pubout", stdin=pem)


def decrypted_key(pem: bytes, passphrase: str) -> bytes:
    """Return a private key as PEM without its encryption. Raises OpensslError if the passphrase is wrong."""
    reading, writing = os.pipe()
    try:
        os.write(writing, passphrase.encode() + b"\n")
    finally:
        os.close(writing)
    try:
        return openssl("pkey", "-passin", f"fd:{reading}", stdin=pem, descriptors=[reading])
    finally:
        os.close(reading)


def signature_details(signature: bytes) -> tuple[str, str, str]:
    """Return the issuer and serial number of the signer's certificate, and the hash, that a CMS signature (RFC 5652) names.

    The signature is not checked. Raises OpensslError.
    """
    text = openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", stdin=signature).decode(errors="replace")
    issuer, serial, digest = _ISSUER.search(text), _SERIAL.search(text), _DIGEST.search(text)
    return (issuer[1] if issuer else "", serial[1] if serial else "", digest[1] if digest else "")


def verify_signature(signature: bytes, content: bytes, certificate: str) -> None:
    """Verify a detached CMS signature of `content` with a certificate (PEM). Raises OpensslError if it is not valid.

    The certificate's chain and dates are not checked (`-noverify`), because a kernel does not check them either.
    """
    with tempfile.NamedTemporaryFile() as trusted, tempfile.NamedTemporaryFile() as signed:
        trusted.write(certificate.encode())
        signed.write(signature)
        trusted.flush()
        signed.flush()
        options = ("-verify", "-binary", "-inform", "DER", "-noverify", "-nointern")
        files = ("-in", signed.name, "-certfile", trusted.name, "-content", "/dev/stdin", "-out", os.devnull)
        openssl("cms", *options, *files, stdin=content)


def sign(pem: bytes, content: bytes) -> bytes:
    """Return the signature of the sha256 of `content`: ECDSA in DER form, or RSA by PKCS #1 v1.5. Raises OpensslError."""
    reading, writing = os.pipe()
    try:
        os.write(writing, pem)
    finally:
        os.close(writing)
    try:
        return openssl("dgst", "-sha256", "-sign", f"/dev/fd/{reading}", stdin=content, descriptors=[reading])
    finally:
        os.close(reading)


def is_signed(public_key: str, content: bytes, signature: bytes) -> bool:
    """Return whether a signature, as `sign` makes it, is that of `content` by the key of `public_key` (PEM).

    Raises OpensslError for a text that is not a public key.
    """
    with tempfile.NamedTemporaryFile() as key, tempfile.NamedTemporaryFile() as signed:
        key.write(public_key.encode())
        signed.write(signature)
        key.flush()
        signed.flush()
        try:
            openssl("dgst", "-sha256", "-verify", key.name, "-signature", signed.name, stdin=content)
        except OpensslError:
            # The exit code is the same for a wrong signature and an unusable key.
            public_key_fingerprint(public_key)
            return False
    return True


def public_key_fingerprint(pem: str) -> str:
    """Return the sha256 (hex) of a public key in DER form (RFC 5280, SubjectPublicKeyInfo). Raises OpensslError."""
    return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", stdin=pem.encode())).hexdigest()


def openssl(*words: str, stdin: bytes, descriptors: Sequence[int] = ()) -> bytes:
    """Run `openssl WORDS…` with a standard input and return its output. Raises OpensslError, ProgramMissingError.

    `descriptors` are the file descriptors that openssl inherits.
    """
    env = environment()
    if not shutil.which("openssl", path=env["PATH"]):
        raise ProgramMissingError("openssl")
    log_command(["openssl", *words])
    done = subprocess.run(
        ["openssl", *words], input=stdin, env=env, capture_output=True, check=False, pass_fds=descriptors
    )
    if done.returncode:
        raise OpensslError(done.stderr.decode(errors="replace").replace("CMS Verification failure\n", ""))
    return done.stdout
