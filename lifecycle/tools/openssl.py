"""The openssl program, for what it is asked here: certificates, keys and signatures. Secrets reach it through pipes only."""

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
    """openssl refused something; `brief` is the first of its reasons, in its own words."""

    def __init__(self, said: str) -> None:
        # "802B…:error:1700008A:CMS routines:CMS_verify:signer certificate not found:../crypto/…" (ERR_error_string(3)).
        reasons = [line.split(":")[5] for line in said.splitlines() if line.count(":error:") and line.count(":") > 5]
        lines = said.strip().splitlines() or ["it said nothing"]
        super().__init__(reasons[0] if reasons else lines[0])


@cache
def certificate_name(pem: str) -> str:
    """The common name in a certificate's subject, or all of the subject. Raises OpensslError for what is none."""
    subject = openssl("x509", "-noout", "-subject", "-nameopt", "multiline,-esc_msb,utf8", given=pem.encode()).decode()
    found = _COMMON_NAME.findall(subject)
    return str(found[-1]) if found else " ".join(subject.partition("=")[2].split())


def certificate_algorithm(pem: str) -> str:
    """The algorithm of a certificate's key by OpenSSL's name: `rsaEncryption`, `id-ecPublicKey`. Raises OpensslError."""
    text = openssl("x509", "-noout", "-text", given=pem.encode()).decode(errors="replace")
    return text.partition("Public Key Algorithm: ")[2].partition("\n")[0]


def certificate_public_key(pem: str) -> bytes:
    """The public key of a certificate, as PEM. Raises OpensslError."""
    return openssl("x509", "-noout", "-pubkey", given=pem.encode())


def key_public_key(pem: bytes) -> bytes:
    """The public key that belongs to a private one, as PEM. Raises OpensslError."""
    return openssl("pkey", "-pubout", given=pem)


def decrypted_key(pem: bytes, passphrase: str) -> bytes:
    """A private key without its encryption, as PEM. Raises OpensslError where the passphrase does not open it."""
    reading, writing = os.pipe()
    try:
        os.write(writing, passphrase.encode() + b"\n")
    finally:
        os.close(writing)
    try:
        return openssl("pkey", "-passin", f"fd:{reading}", given=pem, descriptors=[reading])
    finally:
        os.close(reading)


def signature_details(signature: bytes) -> tuple[str, str, str]:
    """Who made a CMS signature (RFC 5652), as it says itself: the issuer and serial number of the certificate, the hash."""
    text = openssl("cms", "-cmsout", "-print", "-noout", "-inform", "DER", given=signature).decode(errors="replace")
    issuer, serial, digest = _ISSUER.search(text), _SERIAL.search(text), _DIGEST.search(text)
    return (issuer[1] if issuer else "", serial[1] if serial else "", digest[1] if digest else "")


def verify_signature(signature: bytes, content: bytes, certificate: str) -> None:
    """Check a detached CMS signature of some bytes against the one certificate; raises OpensslError where it does not hold.

    Neither the certificate's chain nor its dates are looked at (`-noverify`): a kernel does not look at them either.
    """
    with tempfile.NamedTemporaryFile() as trusted, tempfile.NamedTemporaryFile() as signed:
        trusted.write(certificate.encode())
        signed.write(signature)
        trusted.flush()
        signed.flush()
        options = ("-verify", "-binary", "-inform", "DER", "-noverify", "-nointern")
        files = ("-in", signed.name, "-certfile", trusted.name, "-content", "/dev/stdin", "-out", os.devnull)
        openssl("cms", *options, *files, given=content)


def openssl(*words: str, given: bytes, descriptors: Sequence[int] = ()) -> bytes:
    """Run `openssl WORDS…` with `given` as its standard input; raises OpensslError, ProgramMissingError."""
    env = environment()
    if not shutil.which("openssl", path=env["PATH"]):
        raise ProgramMissingError("openssl")
    log_command(["openssl", *words])
    done = subprocess.run(
        ["openssl", *words], input=given, env=env, capture_output=True, check=False, pass_fds=descriptors
    )
    if done.returncode:
        raise OpensslError(done.stderr.decode(errors="replace").replace("CMS Verification failure\n", ""))
    return done.stdout
