"""Signing that is killed, cut off or refused: nothing unsigned gets a moving tag, and the same command mends it."""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2 as httpx
import pytest

from lifecycle.attest.attester import Attester
from lifecycle.attest.cosign_format import attestation_tag, signature_tag, stored_layers
from lifecycle.attest.key import PrivateKey, TrustedKeys
from lifecycle.attest.statements import REPRODUCTION
from lifecycle.attest.storage import SignatureStore
from lifecycle.attest.verification import verify_image
from lifecycle.planning.matrix import Combination
from lifecycle.publish.push import Candidate, PushDecision
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.registry.client import Registry, RemoteImage
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.manifest import Descriptor, Manifest
from tests.support.builders.attestations import PREDICATES, make_key, statement
from tests.support.builders.push_session import COMBINATION, REPOSITORY, PushSession
from tests.support.builders.signed_image import SignedImage
from tests.support.servers.faulty_proxy import faulty_proxy
from tests.support.servers.registry_server import LOOPBACK, RegistryServer


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return make_key()


def missing(registry: Registry, digest: str, key: PrivateKey) -> list[str]:
    """Return what is missing of an image's signature and statements; the small image's labels are not those of the statements."""
    image, store = registry.image(REPOSITORY, digest), SignatureStore(registry=registry, repository=REPOSITORY)
    assert image
    found = verify_image(image, store.signatures(digest), store.envelopes(digest), TrustedKeys(first=key.public))
    return [problem for problem in found.problems if "missing" in problem or "sign" in problem]


def publish(session: PushSession, candidate: Candidate, key: PrivateKey, host: str = "") -> None:
    """Sign an image that the registry has, and set its moving tags, with a client of its own."""
    with closing(Registry(host or session.image.registry, None)) as registry:
        store = SignatureStore(registry=registry, repository=REPOSITORY)
        attester = Attester(name="r.example/i", key=key, store=store, warn=session.said.append)

        def attest(_combination: Combination, _local: LocalImage, remote: RemoteImage) -> None:
            statements = [statement(kind, subject=remote.digest) for kind in PREDICATES]
            attester.attest(Descriptor(media_type="m", digest=remote.digest, size=1), statements)

        pusher = replace(session.pusher, registry=registry, attest=attest)
        pusher.publish(candidate, PushDecision.SAME, [COMBINATION])


def variant(session: PushSession, manifest: Manifest, tag: str, number: int) -> str:
    """Let an immutable tag name a new manifest of the same image, and return its digest."""
    content = json.dumps({**json.loads(manifest.content), "annotations": {"variant": str(number)}}).encode()
    made = Manifest(content=content, media_type=manifest.media_type)
    session.registry.put_manifest(REPOSITORY, tag, made)
    return made.digest


def killed_after(writes: int, run: Callable[[], None]) -> bool:
    """Run in a child that is killed after so many writes. Return whether it was."""

    def child() -> None:
        send, left = httpx.Client.send, [writes]

        def counting(client: httpx.Client, request: httpx.Request, **options: object) -> httpx.Response:
            response: httpx.Response = send(client, request, **options)  # type: ignore[arg-type]
            # A POST only begins an upload, which the registry forgets without its PUT.
            left[0] -= request.method == "PUT"
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return response

        httpx.Client.send = counting  # type: ignore[method-assign, assignment]
        run()

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def test_killed_after_any_write_no_moving_tag_names_an_unsigned_image(session: PushSession, key: PrivateKey) -> None:
    candidate = replace(session.candidate(image := session.made()), remote=None)
    pushed = session.pusher.publish(candidate, PushDecision.PUSH, [COMBINATION])
    manifest = session.registry.manifest(REPOSITORY, pushed.digest)
    assert manifest
    writes, killed = 0, True
    while killed:
        writes += 1
        digest = variant(session, manifest, session.tag(image), writes)
        killed = killed_after(writes, lambda: publish(session, candidate, key))
        moved = [tag for tag in pushed.moving if session.there(tag).digest == digest]
        signed = session.registry.manifest(REPOSITORY, signature_tag(digest)) is not None

        if moved or signed:
            assert missing(session.registry, digest, key) == [], (writes, moved)
        publish(session, candidate, key)
        assert missing(session.registry, digest, key) == []
        assert {session.there(tag).digest for tag in pushed.moving} == {digest}
    # The blobs of two artefacts, with a configuration each, their manifests, an index after each, and the moving tags.
    assert writes == 1 + (len(PREDICATES) + 1 + 2) + 2 + 2 + len(pushed.moving)


def test_a_registry_that_goes_away_while_signing_moves_no_tag(
    session: PushSession, server: RegistryServer, key: PrivateKey
) -> None:
    image = session.made()
    candidate = session.candidate(image)
    pushed = session.pusher.publish(candidate, PushDecision.PUSH, [COMBINATION])
    with faulty_proxy(server.port) as proxy:

        def end_at_the_manifest(_: int, chunk: bytes) -> None:
            if chunk.startswith(f"PUT /v2/{REPOSITORY}/manifests/{attestation_tag(pushed.digest)}".encode()):
                server.kill()

        proxy.sent = end_at_the_manifest
        with pytest.raises(
            RegistryRefusedError, match=rf"the registry {LOOPBACK}:{proxy.port}: cannot reach {REPOSITORY}"
        ):
            publish(session, candidate, key, f"{LOOPBACK}:{proxy.port}")
    server.restart()

    assert not any(tag.endswith((".sig", ".att")) for tag in server.tags())
    publish(session, candidate, key)
    assert missing(session.registry, pushed.digest, key) == []


def test_a_damaged_statement_is_refused_and_written_again(
    session: PushSession, server: RegistryServer, key: PrivateKey, tmp_path: Path
) -> None:
    signed = SignedImage(session, key, tmp_path)
    signed.attest()
    manifest = session.registry.manifest(REPOSITORY, attestation_tag(signed.digest))
    assert manifest
    digest = stored_layers(manifest)[0].digest.partition(":")[2]
    blob = server.data / "docker/registry/v2/blobs/sha256" / digest[:2] / digest / "data"
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")

    with pytest.raises(Exception, match=f"the content of the blob sha256:{digest} does not match its digest"):
        missing(session.registry, signed.digest, key)
    assert signed.attest() == len(PREDICATES)
    assert any("does not match its digest: it is written again" in said for said in session.said)
    assert missing(session.registry, signed.digest, key) == []


def test_two_machines_that_sign_at_once_are_both_verified_later(
    session: PushSession, key: PrivateKey, tmp_path: Path
) -> None:
    signed, other = SignedImage(session, key, tmp_path), make_key()
    theirs = replace(signed.attester, key=other)
    said = [statement(REPRODUCTION, subject=signed.digest)]
    processes = [
        multiprocessing.get_context("fork").Process(target=run)
        for run in (signed.attest, lambda: theirs.attest(signed.descriptor, said))
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    signed.attest()
    theirs.attest(signed.descriptor, said)

    assert missing(session.registry, signed.digest, key) == []
    payloads = [
        one for one in signed.store.signatures(signed.digest) if other.public.verifies(one.payload, one.signature)
    ]
    assert len(payloads) == 1
    assert len(signed.store.envelopes(signed.digest)) == len(PREDICATES) + 1
