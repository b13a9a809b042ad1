"""Images that we sign, verified by cosign itself in a registry with TLS. cosign is Debian 13's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.attest.key import PrivateKey
from lifecycle.attest.statements import TESTS, TITLES
from tests.support.builders.attestations import PREDICATES, make_key, write_keys
from tests.support.builders.push_session import PushSession
from tests.support.builders.signed_image import SignedImage
from tests.support.cosign_program import Cosign, install_cosign
from tests.support.servers.registry_server import RegistryServer, registry_server


@pytest.fixture(scope="session")
def cosign(tmp_path_factory: pytest.TempPathFactory) -> Cosign:
    return Cosign(install_cosign(tmp_path_factory.mktemp("cosign")), tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return make_key()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    # An engine accepts any certificate on loopback (dockerd(8), --insecure-registry).
    with registry_server(tmp_path / "registry", tls=True) as running:
        yield running


@pytest.fixture
def signed(session: PushSession, key: PrivateKey, tmp_path: Path) -> SignedImage:
    made = SignedImage(session, key, tmp_path)
    made.attest()
    return made


def test_cosign_verifies_the_signature(cosign: Cosign, signed: SignedImage, server: RegistryServer) -> None:
    done = cosign.run("verify", *signed.key, signed.reference, authority=server.authority)

    assert done.returncode == 0, done.stderr
    (payload,) = json.loads(done.stdout)
    assert payload["critical"]["image"]["docker-manifest-digest"] == signed.digest


@pytest.mark.parametrize("kind", sorted(PREDICATES), ids=TITLES.get)
def test_cosign_verifies_each_statement(cosign: Cosign, signed: SignedImage, server: RegistryServer, kind: str) -> None:
    done = cosign.run("verify-attestation", "--type", kind, *signed.key, signed.reference, authority=server.authority)

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_cosign_refuses_a_foreign_key(
    cosign: Cosign, signed: SignedImage, server: RegistryServer, tmp_path: Path
) -> None:
    _, public = write_keys(make_key(), tmp_path / "stranger")
    foreign = ("--key", str(public))

    verify = cosign.run("verify", *foreign, signed.reference, authority=server.authority)
    attestation = cosign.run(
        "verify-attestation", "--type", TESTS, *foreign, signed.reference, authority=server.authority
    )

    assert (verify.returncode != 0, attestation.returncode != 0) == (True, True)


def test_cosign_shows_what_belongs_to_an_image(cosign: Cosign, signed: SignedImage, server: RegistryServer) -> None:
    done = cosign.run("tree", signed.reference, authority=server.authority)

    assert "Attestations for an image tag" in done.stdout
    assert "Signatures for an image tag" in done.stdout
