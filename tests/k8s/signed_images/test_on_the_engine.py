"""The check of the installer's image, in the container engine, with Debian 13's cosign and a registry with TLS."""

import json
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from typing import Any

import docker
import pytest

from lifecycle.attest.attester import Attester
from lifecycle.attest.cosign_format import attestation_tag, signature_tag
from lifecycle.attest.key import PrivateKey
from lifecycle.attest.statements import PROVENANCE, SYMBOL_PROOF, TESTS
from lifecycle.tools.registry.login import Login
from tests.support.builders.attestations import PREDICATES, make_key, statement
from tests.support.builders.push_session import REPOSITORY, PushSession
from tests.support.builders.signed_image import SignedImage
from tests.support.charts.verify_image import HOST, VerifyImage
from tests.support.servers.registry_server import PASSWORD, USER, RegistryServer, registry_server

USAGE, REFUSED, UNREADABLE = 2, 40, 41
BUSYBOX = ("busybox", "sh")


def without(*kinds: str) -> Mapping[str, Mapping[str, object]]:
    return {kind: predicate for kind, predicate in PREDICATES.items() if kind not in kinds}


@pytest.mark.parametrize("sh", [("sh",), BUSYBOX], ids=" ".join)
def test_a_signed_image_passes(
    container: VerifyImage, signed: SignedImage, key: PrivateKey, sh: tuple[str, ...]
) -> None:
    ended = container.run(signed.reference, key.public.pem, sh=sh)

    assert ended.code == 0, ended.log
    assert ended.log.startswith("nvidia-installer: the image is signed, and so are its proofs (symbol-proof tests): ")


@pytest.mark.parametrize("sh", [("sh",), BUSYBOX], ids=" ".join)
def test_an_unsigned_image_is_refused(
    container: VerifyImage, unsigned: SignedImage, key: PrivateKey, sh: tuple[str, ...]
) -> None:
    ended = container.run(unsigned.reference, key.public.pem, sh=sh)

    assert ended.code == REFUSED, ended.log
    assert ended.said == (
        "nvidia-installer: the image is not signed, or is not in the registry: push it with its statements "
        f"(docs/how-to/attest.md), or correct signedImages: {unsigned.reference.replace('127.0.0.1', HOST)}"
    )


def test_a_foreign_key_is_refused(container: VerifyImage, signed: SignedImage) -> None:
    ended = container.run(signed.reference, make_key().public.pem)

    assert ended.code == REFUSED, ended.log
    assert "the image has no signature by the key in signedImages.publicKey (" in ended.said


@pytest.mark.parametrize(("kind", "title"), [(SYMBOL_PROOF, "symbol proof"), (TESTS, "test record")])
def test_a_statement_that_is_missing_is_named(
    container: VerifyImage, unsigned: SignedImage, key: PrivateKey, kind: str, title: str
) -> None:
    unsigned.attest(without(kind))
    ended = container.run(unsigned.reference, key.public.pem)

    assert ended.code == REFUSED, ended.log
    assert f"the image has no {title} by the key in signedImages.publicKey: " in ended.said


def test_a_signature_without_any_statement_is_not_enough(
    container: VerifyImage, unsigned: SignedImage, key: PrivateKey
) -> None:
    unsigned.attest({})
    ended = container.run(unsigned.reference, key.public.pem)

    assert (ended.code, "has no symbol proof by the key" in ended.said) == (REFUSED, True), ended.log


def test_statements_by_another_key_do_not_count(
    session: PushSession, container: VerifyImage, unsigned: SignedImage, key: PrivateKey
) -> None:
    name = unsigned.reference.partition("@")[0]
    stranger = Attester(name=name, key=make_key(), store=unsigned.store, warn=session.said.append)
    stranger.attest(unsigned.descriptor, [statement(kind, subject=unsigned.digest) for kind in PREDICATES])
    unsigned.attest({})
    ended = container.run(unsigned.reference, key.public.pem)

    assert (ended.code, "has no symbol proof by the key" in ended.said) == (REFUSED, True), ended.log


def test_the_test_record_is_required_by_value_only(
    container: VerifyImage, unsigned: SignedImage, key: PrivateKey
) -> None:
    unsigned.attest(without(TESTS, PROVENANCE))
    ended = container.run(unsigned.reference, key.public.pem, requireTests=False)

    assert ended.code == 0, ended.log


def test_a_proof_that_symbols_do_not_fit_is_refused(
    container: VerifyImage, unsigned: SignedImage, key: PrivateKey
) -> None:
    proof: dict[str, Any] = dict(PREDICATES[SYMBOL_PROOF])
    proof["modules"] = [{**proof["modules"][0], "matchingSymbols": 8}]
    unsigned.attest({**PREDICATES, SYMBOL_PROOF: proof})
    ended = container.run(unsigned.reference, key.public.pem)

    assert ended.code == REFUSED, ended.log
    assert "has a symbol proof, but it does not say that every symbol fits the kernel: " in ended.said


def test_a_test_record_of_nothing_is_refused(container: VerifyImage, unsigned: SignedImage, key: PrivateKey) -> None:
    unsigned.attest({**PREDICATES, TESTS: {**PREDICATES[TESTS], "suites": []}})
    ended = container.run(unsigned.reference, key.public.pem)

    assert ended.code == REFUSED, ended.log
    assert "has a test record, but it does not say that the tests have passed: " in ended.said


def test_the_signature_of_another_image_is_refused(
    session: PushSession, container: VerifyImage, signed: SignedImage, key: PrivateKey, tmp_path: Path
) -> None:
    other = SignedImage(session, key, tmp_path / "other", inputs=token_hex(32))
    for tag in (signature_tag, attestation_tag):
        stored = session.registry.manifest(REPOSITORY, tag(signed.digest))
        assert stored
        session.registry.put_manifest(REPOSITORY, tag(other.digest), stored)
    ended = container.run(other.reference, key.public.pem)

    assert ended.code == REFUSED, ended.log
    assert "no signature by the key in signedImages.publicKey (no matching signatures: invalid or missing" in ended.said


def test_a_moved_tag_changes_nothing_of_what_is_installed(
    session: PushSession, container: VerifyImage, signed: SignedImage, key: PrivateKey, tmp_path: Path
) -> None:
    unsigned = SignedImage(session, key, tmp_path / "other", inputs=token_hex(32))
    session.registry.retag(REPOSITORY, unsigned.digest, signed.tag)

    assert session.there(signed.tag).digest == unsigned.digest
    assert container.run(signed.reference, key.public.pem).code == 0
    assert container.run(unsigned.reference, key.public.pem).code == REFUSED


def test_a_registry_that_is_gone_is_told_apart_and_the_next_attempt_passes(
    server: RegistryServer, container: VerifyImage, signed: SignedImage, key: PrivateKey
) -> None:
    server.process.stop()
    gone = container.run(signed.reference, key.public.pem)
    server.restart()
    back = container.run(signed.reference, key.public.pem)

    assert (gone.code, back.code) == (UNREADABLE, 0), gone.log + back.log
    assert "the registry could not be reached (" in gone.said
    assert "connection refused" in gone.said
    assert "Kubernetes tries again: " in gone.said


def test_a_certificate_that_is_not_trusted_names_the_value_for_its_authority(
    container: VerifyImage, signed: SignedImage, key: PrivateKey
) -> None:
    ended = container.run(signed.reference, key.public.pem, certificates="")

    assert ended.code == UNREADABLE, ended.log
    assert "the registry's certificate is not trusted (" in ended.said
    assert "signedImages.certificates" in ended.said


def test_a_registry_with_a_password_needs_the_secret(
    engine: docker.DockerClient, image: str, key: PrivateKey, tmp_path: Path
) -> None:
    with (
        registry_server(tmp_path / "registry", tls=True, password=True, aliases=[HOST]) as server,
        closing(PushSession(server, tmp_path, Login(USER, PASSWORD))) as session,
    ):
        assert server.authority
        (tmp_path / "mounts").mkdir()
        login = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        secret = json.dumps({"auths": {f"{HOST}:{server.port}": {"auth": login}}})
        container = VerifyImage(
            engine=engine, image=image, authority=server.authority, folder=tmp_path / "mounts", login=secret
        )
        signed = SignedImage(session, key, tmp_path)
        signed.attest()
        refused = container.run(signed.reference, key.public.pem)
        passed = container.run(signed.reference, key.public.pem, registrySecret="registry")

    assert (refused.code, passed.code) == (UNREADABLE, 0), refused.log + passed.log
    assert "name a Secret in signedImages.registrySecret" in refused.said
    assert PASSWORD not in refused.log + passed.log


def test_a_key_that_is_none_is_told_before_the_registry_is_asked(container: VerifyImage, signed: SignedImage) -> None:
    ended = container.run(signed.reference, "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n")

    assert ended.code == USAGE, ended.log
    assert "signedImages.publicKey is no public key (" in ended.said


def test_an_image_without_cosign_is_named(container: VerifyImage, signed: SignedImage, key: PrivateKey) -> None:
    ended = container.run(signed.reference, key.public.pem, sh=("/bin/sh",), env={"PATH": "/nowhere"})

    assert ended.code == USAGE, ended.log
    assert "signedImages.image has no program cosign" in ended.said


def test_the_words_of_each_refusal_are_short_enough_for_the_pod_s_message(
    container: VerifyImage, signed: SignedImage
) -> None:
    # The kubelet keeps the last 2048 bytes or 80 lines of a log (core/v1, terminationMessagePolicy).
    ended = container.run(signed.reference, make_key().public.pem)

    assert len(ended.log.encode()) <= 2048
    assert len(ended.log.splitlines()) <= 80
