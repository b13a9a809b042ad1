"""A registry whose authority nobody knows: the error says so and what to do, which helps.

An engine takes any certificate on 127.0.0.0/8 (dockerd(8), --insecure-registry), so the registry has an address of its own.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

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
