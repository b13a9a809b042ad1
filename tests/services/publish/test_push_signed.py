"""`invoke push` with `attest` in component.yaml: what it stores, what it says, and what `verify --published` makes of it."""

import json

from tests.support.builders.attestations import make_key, write_keys
from tests.support.builders.push_session import invoke, push
from tests.support.builders.signed_image import PHRASE, SigningCheckout
from tests.support.servers.registry_server import RegistryServer


def test_a_pushed_image_is_verified_and_a_second_push_adds_nothing(
    signing: SigningCheckout, server: RegistryServer
) -> None:
    pushed = push(signing.folder, "--json", environ=signing.environ)
    assert pushed.returncode == 0, pushed.stderr
    (row,) = json.loads(pushed.stdout)
    stored = (server.blobs(), server.tags())
    again = push(signing.folder, environ=signing.environ)
    verified = invoke(signing.folder, "verify", "--published", row["reference"], "--json")

    assert (again.returncode, (server.blobs(), server.tags())) == (0, stored)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["problems"] == []


def test_the_size_of_all_statements_stays_below_300_kb(signing: SigningCheckout, server: RegistryServer) -> None:
    push(signing.folder, environ=signing.environ)
    (row,) = json.loads((signing.folder / "build/published.json").read_text())
    shown = invoke(signing.folder, "attest", "--show", row["reference"], "--json")
    statements = json.loads(shown.stdout)

    # An envelope is base64 of a statement.
    assert sum(len(json.dumps(one["predicate"], separators=(",", ":"))) for one in statements) * 4 / 3 < 300_000


def test_no_secret_is_printed(signing: SigningCheckout) -> None:
    wrong = push(signing.folder, "--debug", environ={**signing.environ, "PASS": "wrong-4711"})
    right = push(signing.folder, "--debug", environ=signing.environ)

    assert (wrong.returncode, right.returncode) == (2, 0)
    assert "attest.passphrase: does not decrypt the key" in wrong.stderr
    said = wrong.stderr + wrong.stdout + right.stderr + right.stdout
    assert not any(secret in said for secret in (PHRASE, "wrong-4711", "PRIVATE KEY"))


def test_a_key_that_cannot_be_used_pushes_nothing(signing: SigningCheckout, server: RegistryServer) -> None:
    failed = push(signing.folder, environ={"PASS": PHRASE})

    assert failed.returncode == 2
    assert "attest.key: the environment variable KEY is not set" in failed.stderr
    assert server.tags() == []


def test_an_image_of_somebody_else_is_refused(signing: SigningCheckout) -> None:
    push(signing.folder, environ=signing.environ)
    (row,) = json.loads((signing.folder / "build/published.json").read_text())
    _, public = write_keys(make_key(), signing.folder.with_name("stranger"))
    component = signing.folder / "component.yaml"
    component.write_text(
        component.read_text().replace(str(signing.folder.with_name("keys") / "attest.pub"), str(public))
    )
    refused = invoke(signing.folder, "verify", "--published", row["reference"])

    assert refused.returncode == 1
    assert "the image is signed, but not with the key" in refused.stderr


def test_without_a_key_the_push_says_that_nothing_is_signed(signing: SigningCheckout, server: RegistryServer) -> None:
    component = signing.folder / "component.yaml"
    component.write_text(component.read_text().partition("attest: {")[0])
    pushed = push(signing.folder, environ=signing.environ)

    assert "WARNING: the images are not signed: component.yaml has no `attest`" in pushed.stderr
    assert not any(tag.endswith(".sig") for tag in server.tags())
