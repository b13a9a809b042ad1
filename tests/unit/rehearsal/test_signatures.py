"""Pushed images whose signature is verified, because component.yaml declares `attest`; the registry is a server on loopback."""

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.config.security import Attest
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import immutable_tag
from lifecycle.planning.targets import Targets
from lifecycle.rehearsal.gather import gather_evidence
from lifecycle.tools.labels import LABEL_DIGEST
from tests.support.builders.attestations import make_key, write_keys
from tests.support.fakes.sessions import FakeSession
from tests.support.servers.scripted_registry import Scripted, scripted_registry

REPOSITORY = "/v2/team/nvidia-installer"


def declare(session: FakeSession, host: str, attest: Attest | None) -> Combination:
    """Declare a registry and a signer, and return the first combination."""
    image = session.given.component.image.model_copy(update={"registry": host})
    component = session.given.component.model_copy(update={"image": image, "attest": attest})
    session.given = replace(session.given, component=component)
    return session.given.matrix.combinations[0]


def push(registry: Scripted, session: FakeSession, combination: Combination) -> str:
    """Let the registry have an unsigned image of a combination, and return its digest."""
    inputs = Targets(session.given).image(combination).digest
    manifest = json.dumps({"config": {"digest": "sha256:1"}, "layers": []}).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    registry.add("/v2/", {})
    for name in (immutable_tag(combination, inputs), digest):
        registry.add(f"{REPOSITORY}/manifests/{name}", manifest)
    registry.add(f"{REPOSITORY}/blobs/sha256:1", {"config": {"Labels": {LABEL_DIGEST: inputs}}})
    for kind in ("sig", "att"):
        registry.add(f"{REPOSITORY}/manifests/{digest.replace(':', '-')}.{kind}", {}, status=404)
    return digest


@pytest.fixture
def attest(tmp_path: Path) -> Attest:
    private, public = write_keys(make_key(), tmp_path / "keys")
    return Attest(key=str(private), public_key=str(public), builder="urn:test")


def test_an_unsigned_image_has_its_problems(session: FakeSession, attest: Attest) -> None:
    with scripted_registry() as registry:
        combination = declare(session, registry.host, attest)
        digest = push(registry, session, combination)
        found = gather_evidence(session, [combination], offline=False).images[combination]

    assert (found.pushed, found.digest) == (True, digest)
    assert found.problems is not None
    assert found.problems[0] == "the image is not signed"


def test_without_attest_no_signature_is_asked_for(session: FakeSession) -> None:
    with scripted_registry() as registry:
        combination = declare(session, registry.host, None)
        push(registry, session, combination)
        found = gather_evidence(session, [combination], offline=False).images[combination]

    assert (found.pushed, found.problems) == (True, None)
    assert max(Counter(registry.asked).values()) == 1
    assert not any(path.endswith((".sig", ".att")) for path in registry.asked)
