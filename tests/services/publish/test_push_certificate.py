"""A registry whose authority nobody knows: the error says so and what to do, which helps.

An engine takes any certificate on 127.0.0.0/8 (dockerd(8), --insecure-registry), so the registry has an address of its own.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lifecycle.publish.push import PushDecision, PushFailedError
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.session import CERTIFICATES
from tests.support.builders.push_session import REPOSITORY, PushSession
from tests.support.servers.registry_server import RegistryServer, registry_server


@pytest.fixture
def server(address: str, tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry", tls=True, address=address) as running:
        yield running


def advice(server: RegistryServer) -> str:
    return f"Its certificate is not trusted: put the certificate of its authority into /etc/docker/certs.d/{server.host}/ca.crt"


def test_our_client_explains_an_untrusted_certificate_and_the_remedy(server: RegistryServer, tmp_path: Path) -> None:
    with (
        closing(Registry(server.host, None, certificates=tmp_path / "none")) as registry,
        pytest.raises(RegistryRefusedError, match="CERTIFICATE_VERIFY_FAILED") as caught,
    ):
        registry.image(REPOSITORY, "x")

    assert advice(server) in str(caught.value)


def test_a_push_says_the_same_of_what_the_engine_says(session: PushSession, server: RegistryServer) -> None:
    image = session.made()
    with pytest.raises(PushFailedError, match="x509: certificate signed by unknown authority") as caught:
        session.publish(image)

    assert advice(server) in str(caught.value)
    assert session.waits == []
    assert server.tags() == []


def test_the_advice_helps_both(session: PushSession, server: RegistryServer) -> None:
    folder = CERTIFICATES / server.host
    image = session.made()
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        pytest.skip(f"the engine's folder of authorities is not ours to write: {error}")
    try:
        shutil.copy(str(server.authority), folder / "ca.crt")
        decision, pushed = session.publish(image)
        with closing(Registry(server.host, None)) as registry:
            found = registry.image(REPOSITORY, pushed.tag)
    finally:
        shutil.rmtree(folder)

    assert decision is PushDecision.PUSH
    assert found is not None
    assert found.digest == pushed.digest


def test_an_expired_certificate_is_said_with_this_machines_time(server: RegistryServer, tmp_path: Path) -> None:
    assert server.authority
    key = serialization.load_pem_private_key(server.authority.with_name("key.pem").read_bytes(), None)
    valid = x509.load_pem_x509_certificate(server.authority.read_bytes())
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(valid.issuer, valid.subject, valid.public_key(), valid.serial_number)
    builder = builder.not_valid_before(now - timedelta(days=9)).not_valid_after(now - timedelta(days=1))
    for extension in valid.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    expired = builder.sign(key, hashes.SHA256())
    server.authority.write_bytes(expired.public_bytes(serialization.Encoding.PEM))
    server.process.stop()
    server.restart()
    trusted = tmp_path / "certs" / server.host
    trusted.mkdir(parents=True)
    shutil.copy(server.authority, trusted / "ca.crt")

    with (
        closing(Registry(server.host, None, certificates=tmp_path / "certs")) as registry,
        pytest.raises(RegistryRefusedError, match="certificate has expired") as caught,
    ):
        registry.image(REPOSITORY, "x")
    assert f"Its certificate is not valid at {now:%Y-%m-%d}" in str(caught.value)
    assert f"correct the clock, or renew the certificate of {server.host}" in str(caught.value)
