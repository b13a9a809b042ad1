"""Responses that Debian's docker-registry never gives: pages, failures, invalid content. tests/services has the others."""

import pytest

from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.errors import RegistryRefusedError, hint_for
from lifecycle.tools.registry.login import Login
from lifecycle.tools.registry.manifest import Manifest
from tests.support.servers.scripted_registry import Scripted

BLOB_UNKNOWN = "MANIFEST_BLOB_UNKNOWN"
MANIFEST = Manifest(content=b"{}", media_type="application/vnd.oci.image.manifest.v1+json")


@pytest.mark.parametrize("before", ["", "http://elsewhere.example"])
def test_all_pages_of_tags_are_read_from_the_same_host(server: Scripted, before: str) -> None:
    second = "/v2/a/b/tags/list?n=2&last=2"
    server.add("/v2/a/b/tags/list", {"tags": ["1", "2"]}, Link=f'<{before}{second}>; rel="next"')
    server.add(second, {"tags": ["3"]})

    assert server.registry().tags("a/b") == ["1", "2", "3"]
    assert server.asked == ["/v2/a/b/tags/list", second]


def test_a_list_of_tags_without_an_end_is_an_error(server: Scripted) -> None:
    server.add("/v2/a/tags/list", {"tags": ["1"]}, Link='</v2/a/tags/list?n=1>; rel="next"')
    server.add("/v2/a/tags/list?n=1", {"tags": ["1"]}, Link='</v2/a/tags/list?n=1>; rel="next"')

    with pytest.raises(RegistryRefusedError, match=r"its list has no end: tags/list\?n=1 leads to itself"):
        server.registry().tags("a")


def test_an_invalid_address_of_the_next_page_is_an_error(server: Scripted) -> None:
    server.add("/v2/a/tags/list", {"tags": ["1"]}, Link='<http://[::1>; rel="next"')

    with pytest.raises(RegistryRefusedError, match="invalid address"):
        server.registry().tags("a")


def test_an_invalid_address_of_an_upload_is_an_error(server: Scripted) -> None:
    server.add("/v2/a/blobs/sha256:1", {}, status=404)
    server.add("/v2/a/blobs/uploads/", {}, status=202, Location="http://[::1")

    with pytest.raises(RegistryRefusedError, match="invalid address 'http://"):
        server.registry().blobs.upload("a", "sha256:1", b"x")


@pytest.mark.parametrize(("status", "body"), [(404, {}), (200, {"tags": None})])
def test_an_empty_or_missing_repository_has_no_tags(server: Scripted, status: int, body: object) -> None:
    server.add("/v2/a/tags/list", body, status=status)

    assert server.registry().tags("a") == []


def test_a_request_that_the_registry_fails_at_is_repeated(server: Scripted) -> None:
    for status in (500, 503, 200):
        server.add("/v2/a/tags/list", {"tags": ["1"]}, status=status)

    assert server.registry().tags("a") == ["1"]
    assert len(server.waits) == 2


@pytest.mark.parametrize("status", [400, 404])
def test_a_manifest_is_sent_again_during_another_upload_of_its_blob(server: Scripted, status: int) -> None:
    server.add("/v2/a/manifests/1", {"errors": [{"code": "DIGEST_INVALID"}, {"code": BLOB_UNKNOWN}]}, status=status)
    server.add("/v2/a/manifests/1", {}, status=201)
    server.registry().put_manifest("a", "1", MANIFEST)

    assert (server.asked, len(server.waits)) == (["/v2/a/manifests/1"] * 2, 1)


def test_a_blob_that_is_still_missing_later_is_an_error(server: Scripted) -> None:
    server.add("/v2/a/manifests/1", {"errors": [{"code": BLOB_UNKNOWN, "message": "unknown"}]}, status=400)
    with pytest.raises(RegistryRefusedError, match="it answered 400 bad request: unknown"):
        server.registry().put_manifest("a", "1", MANIFEST)

    assert len(server.waits) == 3


def test_a_refused_manifest_is_not_sent_again(server: Scripted) -> None:
    server.add("/v2/a/manifests/1", {"errors": [{"code": "MANIFEST_INVALID"}]}, status=400)
    with pytest.raises(RegistryRefusedError):
        server.registry().put_manifest("a", "1", MANIFEST)

    assert server.waits == []


def test_a_blob_is_not_uploaded_again_after_a_server_error(server: Scripted) -> None:
    server.add("/v2/a/blobs/sha256:1", {}, status=404)
    server.add("/v2/a/blobs/uploads/", {}, status=202, Location="/v2/a/upload")
    server.add("/v2/a/upload?digest=sha256%3A1", {}, status=500)
    with pytest.raises(RegistryRefusedError):
        server.registry().blobs.upload("a", "sha256:1", b"")

    assert server.asked.count("/v2/a/blobs/uploads/") == 1


def test_the_error_after_repeated_failures_quotes_the_registry(server: Scripted) -> None:
    errors = {"errors": [{"code": "UNKNOWN", "message": "unknown error", "detail": {"Op": "write", "Err": 28}}]}
    server.add("/v2/a/tags/list", errors, status=500)
    with pytest.raises(RegistryRefusedError) as caught:
        server.registry().tags("a")

    assert str(caught.value).splitlines() == [
        f"the registry {server.host}: cannot list the tags of a",
        '  it answered 500 internal server error: unknown error: {"Op": "write", "Err": 28}',
        f"The disk of {server.host} is full: free some space there, and run the command again.",
    ]


def test_a_manifest_that_does_not_match_its_digest_is_refused(server: Scripted) -> None:
    digest = f"sha256:{'0' * 64}"
    server.add("/v2/a/manifests/x", {}, status=404)
    server.add(f"/v2/a/manifests/{digest}", {"config": {}})
    with pytest.raises(RegistryRefusedError, match="the registry does not have that manifest"):
        server.registry().retag("a", digest, "x")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"'])
def test_invalid_content_is_an_image_without_id_and_labels(server: Scripted, body: bytes) -> None:
    server.add("/v2/a/manifests/x", body)
    found = server.registry().image("a", "x")

    assert found is not None
    assert (found.id, found.labels) == ("", {})


def test_an_unreachable_registry_is_named(server: Scripted) -> None:
    with pytest.raises(RegistryRefusedError, match="the registry no such host: cannot reach a"):
        Registry("no such host", None).image("a", "x")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("x509: certificate signed by unknown authority", "/etc/docker/certs.d/h:1/ca.crt"),
        ("[ssl: certificate_verify_failed] self-signed certificate", "/etc/docker/certs.d/h:1/ca.crt"),
        ("403 forbidden", "docker login h:1"),
        ("write /x: no space left on device", "The disk of h:1 is full"),
        ("connecterror: [errno 111] connection refused", "No registry answers at h:1: start it"),
        ("connecterror: [errno -2] name or service not known", "correct its name in component.yaml"),
        ("teapot", ""),
    ],
)
def test_a_known_error_message_has_a_solution(said: str, hint: str) -> None:
    assert hint in hint_for("h:1", said)
    assert bool(hint) is bool(hint_for("h:1", said))


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"config": []}, "config: Input should be a valid dictionary"),
        ({"config": {"digest": 1}}, "config.digest: Input should be a valid string"),
        ({"config": {"digest": "x"}, "layers": [{}]}, "layers.0.size: Field required"),
        ({"config": {"digest": "x"}, "layers": [{"size": -1}]}, "layers.0.size: Input should be greater than"),
    ],
)
def test_a_manifest_of_another_form_is_one_sentence(server: Scripted, manifest: object, said: str) -> None:
    server.add("/v2/a/b/manifests/c", manifest)

    with pytest.raises(RegistryRefusedError, match=f"not as the OCI distribution specification has it: {said}"):
        server.registry().image("a/b", "c")


def test_an_answer_of_many_brackets_is_no_manifest(server: Scripted) -> None:
    server.add("/v2/a/b/tags/list", b"[" * 100_000)

    assert server.registry().tags("a/b") == []


@pytest.mark.parametrize(
    ("challenge", "login"),
    [("Basic", Login("u", "\ud800")), ("Bearer", Login(registry_token="tökén"))],
)
def test_a_login_that_no_request_can_have_is_an_error(server: Scripted, challenge: str, login: Login) -> None:
    server.add("/v2/a/tags/list", {}, status=401, **{"WWW-Authenticate": f'{challenge} realm="x"'})

    with pytest.raises(RegistryRefusedError, match=r"cannot sign in\n.*characters that no request can have") as caught:
        Registry(server.host, login).tags("a")
    assert "k\xe9n" not in str(caught.value)
