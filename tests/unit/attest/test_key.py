from pathlib import Path

import pytest
import yaml

from lifecycle.attest.key import PrivateKey, first_keys, second_keys, trusted_keys
from lifecycle.config.pem import PemError
from lifecycle.config.security import Attest
from tests.support.builders.attestations import make_key, write_keys


def section(folder: Path, pair: PrivateKey, /, encrypted_with: str = "", **changes: str) -> tuple[Path, Attest]:
    """Write a component.yaml with keys beside its checkout, and return it with its section."""
    private, public = write_keys(pair, folder / "keys", encrypted_with)
    values = {"key": str(private), "publicKey": str(public), "builder": "https://ci.example"} | changes
    component = folder / "checkout" / "component.yaml"
    component.parent.mkdir()
    component.write_text("attest:\n" + "".join(f"  {name}: {value}\n" for name, value in values.items()))
    return component, Attest.model_validate(values)


@pytest.mark.parametrize("options", [(), ("-algorithm", "RSA")])
def test_a_key_signs_what_its_public_key_verifies(tmp_path: Path, options: tuple[str, ...]) -> None:
    read = first_keys(*section(tmp_path, make_key(*options)), {}).private()

    signature = read.sign(b"content")
    assert read.public.verifies(b"content", signature)
    assert not read.public.verifies(b"other", signature)
    assert not read.public.verifies(b"content", b"no signature")


def test_an_encrypted_key_is_opened_with_its_passphrase(tmp_path: Path, key: PrivateKey) -> None:
    component, attest = section(tmp_path, key, encrypted_with="open sesame", passphrase="env:PASS")

    assert first_keys(component, attest, {"PASS": "open sesame"}).private().pem == key.pem
    with pytest.raises(PemError, match=r"attest\.passphrase: does not decrypt the key"):
        first_keys(component, attest, {"PASS": "wrong"}).private()


def test_both_keys_may_be_in_the_environment(tmp_path: Path, key: PrivateKey) -> None:
    component, attest = section(tmp_path, key, key="env:KEY", publicKey="env:PUB")
    environ = {"KEY": key.pem.decode(), "PUB": key.public.pem}

    assert first_keys(component, attest, environ).private().public.fingerprint == key.public.fingerprint


def test_a_pair_that_does_not_belong_together_is_refused(tmp_path: Path, key: PrivateKey, stranger: PrivateKey) -> None:
    component, attest = section(tmp_path, key, publicKey="env:PUB")

    with pytest.raises(PemError, match=r"component\.yaml:2:3: attest\.key: does not belong to publicKey"):
        first_keys(component, attest, {"PUB": stranger.public.pem}).private()


def test_a_key_that_cannot_sign_with_sha256_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PemError, match=r"attest\.key: cannot sign with sha256 .* use an ECDSA key"):
        first_keys(*section(tmp_path, make_key("-algorithm", "ED25519")), {}).private()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nx\n", "is in cosign's own format: use a key that"),
        ("-----BEGIN PRIVATE KEY-----\nx\n", "is not a private key"),
    ],
)
def test_an_unusable_private_key_is_told(tmp_path: Path, key: PrivateKey, text: str, problem: str) -> None:
    component, attest = section(tmp_path, key, key="env:KEY")

    with pytest.raises(PemError, match=rf"attest\.key: {problem}"):
        first_keys(component, attest, {"KEY": text}).private()


def test_a_private_key_in_the_place_of_the_public_one_is_refused(tmp_path: Path, key: PrivateKey) -> None:
    component, attest = section(tmp_path, key, publicKey="env:PUB")

    with pytest.raises(PemError, match=r"attest\.publicKey: contains a private key"):
        first_keys(component, attest, {"PUB": key.pem.decode()}).public()


def test_an_unusable_public_key_is_told(tmp_path: Path, key: PrivateKey) -> None:
    component, attest = section(tmp_path, key, publicKey="env:PUB")

    with pytest.raises(PemError, match=r"attest\.publicKey: is not a public key in PEM form"):
        first_keys(component, attest, {"PUB": "-----BEGIN PUBLIC KEY-----\n"}).public()


def two_builders(folder: Path, key: PrivateKey, second: PrivateKey) -> tuple[Path, Attest]:
    """Write a component.yaml with two builders, whose public keys are beside the checkout."""
    (first_private, first_public), (private, public) = (
        write_keys(pair, folder / name) for name, pair in (("first", key), ("second", second))
    )
    values = {
        "key": str(first_private),
        "publicKey": str(first_public),
        "builder": "urn:first",
        "secondBuilder": {"key": str(private), "publicKey": str(public), "builder": "urn:second"},
    }
    component = folder / "checkout" / "component.yaml"
    component.parent.mkdir()
    component.write_text(yaml.safe_dump({"attest": values}, sort_keys=False))
    return component, Attest.model_validate(values)


def test_the_second_builder_has_keys_of_its_own(tmp_path: Path, key: PrivateKey, stranger: PrivateKey) -> None:
    component, attest = two_builders(tmp_path, key, stranger)
    second = second_keys(component, attest, {})

    assert second
    assert second.private().public == stranger.public
    assert trusted_keys(component, attest, {}).second == stranger.public


def test_the_second_builder_cannot_have_the_first_ones_key(tmp_path: Path, key: PrivateKey) -> None:
    component, attest = two_builders(tmp_path, key, key)

    with pytest.raises(
        PemError, match=r"component\.yaml:\d+:\d+: attest\.secondBuilder\.publicKey: is the key of the first"
    ):
        trusted_keys(component, attest, {})


def test_no_text_of_a_key_shows_its_secret(key: PrivateKey) -> None:
    assert "PRIVATE" not in repr(key)
