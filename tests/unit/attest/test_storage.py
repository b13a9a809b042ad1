import pytest

from lifecycle.attest.cosign_format import artefact, attestation_layer, attestation_tag
from lifecycle.attest.dsse import Envelope
from lifecycle.attest.statements import TESTS
from lifecycle.attest.storage import ATTESTATION_TYPE, SignatureStore
from lifecycle.tools.registry.manifest import Descriptor, blob_digest
from tests.support.builders.attestations import DIGEST
from tests.support.servers.scripted_registry import scripted_registry

IMAGE = Descriptor(media_type="m", digest=DIGEST, size=1)
ENVELOPE = Envelope(payload=b"{}", signatures=(b"s",))
FALLBACK = f"/v2/r/manifests/{DIGEST.replace(':', '-')}"


@pytest.mark.parametrize("referrers", [True, False])
def test_an_index_is_written_only_without_the_referrers_api(referrers: bool) -> None:
    made = artefact([attestation_layer(ENVELOPE.to_json(), TESTS)], IMAGE, ATTESTATION_TYPE)
    headers = {"OCI-Subject": DIGEST} if referrers else {}
    with scripted_registry() as server:
        for content in made.blobs:
            server.add(f"/v2/r/blobs/{blob_digest(content)}", b"")
        server.add(f"/v2/r/manifests/{attestation_tag(DIGEST)}", b"", status=201, **headers)
        server.add(FALLBACK, b"", status=404)
        server.add(FALLBACK, b"", status=201)
        SignatureStore(registry=server.registry(), repository="r").put_envelopes(IMAGE, [(TESTS, ENVELOPE)])

        assert server.asked.count(FALLBACK) == (0 if referrers else 2)


def test_the_types_of_statements_are_listed_without_reading_them() -> None:
    made = artefact([attestation_layer(ENVELOPE.to_json(), TESTS)], IMAGE, ATTESTATION_TYPE)
    with scripted_registry() as server:
        server.add(f"/v2/r/manifests/{attestation_tag(DIGEST)}", made.manifest.content)
        store = SignatureStore(registry=server.registry(), repository="r")

        assert store.predicate_types(DIGEST) == [TESTS]
        assert not any("/blobs/" in path for path in server.asked)


def test_an_image_without_statements_has_no_types() -> None:
    with scripted_registry() as server:
        server.add(f"/v2/r/manifests/{attestation_tag(DIGEST)}", b"", status=404)

        assert SignatureStore(registry=server.registry(), repository="r").predicate_types(DIGEST) == []
