"""Keys, statements and envelopes for tests of signed images."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from lifecycle.attest.dsse import PAYLOAD_TYPE, Envelope, authentication_bytes
from lifecycle.attest.key import PrivateKey, PublicKey
from lifecycle.attest.statements import (
    BOOT_PROOF,
    CYCLONEDX,
    PROVENANCE,
    REPRODUCTION,
    SPDX,
    SYMBOL_PROOF,
    TESTS,
    Statement,
)
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_DIGEST, LABEL_DRIVER, LABEL_KERNEL
from lifecycle.tools.openssl import key_public_key, openssl, public_key_fingerprint
from lifecycle.tools.registry.client import RemoteImage

NAME = "r.example/team/nvidia-installer"
DIGEST = f"sha256:{'1' * 64}"
OTHER_DIGEST = f"sha256:{'2' * 64}"
COMBINATION, KERNEL, DRIVER = "debian-12/6.1.0-56-cloud-amd64/535.309.01", "6.1.0-56-cloud-amd64", "535.309.01"
IMAGE = RemoteImage(
    digest=DIGEST,
    id=f"sha256:{'3' * 64}",
    labels={LABEL_COMBINATION: COMBINATION, LABEL_DIGEST: "4" * 64, LABEL_KERNEL: KERNEL, LABEL_DRIVER: DRIVER},
    size=1,
)
_FILE = {"name": "linux-headers", "version": "1", "sha256": "5" * 64}
PREDICATES: Mapping[str, Mapping[str, object]] = {
    SPDX: {"name": COMBINATION, "packages": [{"externalRefs": [{"referenceLocator": "pkg:deb/debian/a@1"}]}]},
    CYCLONEDX: {"components": [{"purl": "pkg:deb/debian/a@1"}]},
    PROVENANCE: {
        "buildDefinition": {
            "externalParameters": {"combination": COMBINATION},
            "internalParameters": {"inputsDigest": "4" * 64, "imageId": IMAGE.id},
        }
    },
    SYMBOL_PROOF: {
        "combination": COMBINATION,
        "kernelRelease": KERNEL,
        "architecture": "amd64",
        "driverVersion": DRIVER,
        "headers": [_FILE],
        "modules": [
            {
                "moduleType": "open",
                "module": "nvidia",
                "vermagic": KERNEL,
                "kernelSymbols": 9,
                "matchingSymbols": 9,
                "siblingSymbols": 0,
            }
        ],
    },
    BOOT_PROOF: {
        "combination": COMBINATION,
        "kernelRelease": KERNEL,
        "kernel": [_FILE],
        "loads": [{"moduleType": "open", "modules": ["nvidia"]}],
        "seconds": 30.5,
        "consoleSha256": "6" * 64,
        "recordedAt": "2026-11-29T12:00:00Z",
    },
    TESTS: {
        "combination": COMBINATION,
        "suites": [{"name": "tests/images", "passed": 40, "skipped": 2}],
        "versions": {"pytest": "9"},
        "recordedAt": "2026-11-29T12:00:00Z",
    },
}

REPRODUCED: Mapping[str, object] = {
    "combination": COMBINATION,
    "imageId": IMAGE.id,
    "commit": "7" * 40,
    "builder": "https://second.example",
}


def make_key(*options: str) -> PrivateKey:
    """Return a new key, by options of `openssl genpkey`; an ECDSA key on P-256 without any."""
    chosen = options or ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    pem = subprocess.run(["openssl", "genpkey", *chosen], check=True, capture_output=True).stdout
    public = key_public_key(pem).decode()
    return PrivateKey(public=PublicKey(pem=public, fingerprint=public_key_fingerprint(public)), pem=pem)


def write_keys(key: PrivateKey, folder: Path, passphrase: str = "") -> tuple[Path, Path]:
    """Write a private and a public key to files, the private one encrypted if there is a passphrase."""
    folder.mkdir(parents=True, exist_ok=True)
    private, public = folder / "attest.key", folder / "attest.pub"
    encrypted = openssl("pkcs8", "-topk8", "-passout", f"pass:{passphrase}", stdin=key.pem) if passphrase else key.pem
    private.write_bytes(encrypted)
    public.write_text(key.public.pem)
    return private, public


def statement(kind: str, predicate: Mapping[str, object] | None = None, *, subject: str = DIGEST) -> Statement:
    """Return a statement about the image, by default with the predicate that agrees with all others."""
    usual = REPRODUCED if kind == REPRODUCTION else PREDICATES[kind]
    return Statement(name=NAME, subject=subject, predicate_type=kind, predicate=predicate or usual)


def envelope(said: Statement, key: PrivateKey) -> Envelope:
    """Return a signed envelope with a statement."""
    payload = said.to_json()
    return Envelope(payload=payload, signatures=(key.sign(authentication_bytes(PAYLOAD_TYPE, payload)),))
