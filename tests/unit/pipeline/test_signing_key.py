import subprocess
from pathlib import Path

import pytest

from lifecycle.config.pem import PemError
from lifecycle.config.security import Signing
from lifecycle.pipeline.signing_key import SigningKey, load_key
from lifecycle.tools.openssl import OpensslError, certificate_name, openssl
from tests.support.builders.projects import COMPONENT
from tests.support.builders.signing_keys import Pair, make_pair

LINES = len(COMPONENT.splitlines())
PHRASE = {"PASSPHRASE": "öpen sesame"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "checkout" / "component.yaml"
    path.parent.mkdir()
    path.write_text(f"{COMPONENT}signing:\n  certificate: env:CERT\n  key: env:KEY\n  passphrase: env:PASSPHRASE\n")
    return path


def load(file: Path, pair: Pair, environ: dict[str, str], passphrase: str | None = None) -> SigningKey:
    signing = Signing(certificate="env:CERT", key="env:KEY", passphrase=passphrase)
    return load_key(file, signing, pair.signer, environ)


def refusal(file: Path, pair: Pair, environ: dict[str, str], passphrase: str | None = None) -> str:
    with pytest.raises(PemError) as caught:
        load(file, pair, environ, passphrase)
    (problem,) = caught.value.problems
    assert "\n" not in problem
    return problem


def encrypted(key: Path, folder: Path, *, traditional: bool = False) -> Path:
    out = folder / "encrypted.pem"
    options = ["-traditional"] if traditional else []
    command = ["openssl", "pkey", *options, "-in", str(key), "-aes256", "-passout", "stdin", "-out", str(out)]
    subprocess.run(command, input=f"{PHRASE['PASSPHRASE']}\n".encode(), check=True)
    return out


def test_a_key_that_belongs_to_its_certificate_is_taken(file: Path, ours: Pair) -> None:
    key = load(file, ours, {"KEY": str(ours.key)})

    assert (key.signer, key.name, key.pem) == (ours.signer, "Our modules", ours.key.read_bytes())


def test_a_key_does_not_show_where_its_object_is_printed(file: Path, ours: Pair) -> None:
    assert "PRIVATE" not in repr(load(file, ours, {"KEY": str(ours.key)}))


@pytest.mark.parametrize("traditional", [False, True])
def test_an_encrypted_key_is_opened_with_its_passphrase(
    file: Path, ours: Pair, tmp_path: Path, traditional: bool
) -> None:
    path = encrypted(ours.key, tmp_path, traditional=traditional)
    key = load(file, ours, {"KEY": str(path), **PHRASE}, "env:PASSPHRASE")

    assert b"ENCRYPTED" not in key.pem
    assert openssl("pkey", "-pubout", stdin=key.pem) == openssl("pkey", "-pubout", stdin=ours.key.read_bytes())


@pytest.mark.parametrize("traditional", [False, True])
def test_an_encrypted_key_without_a_passphrase_is_refused_without_a_prompt(
    file: Path, ours: Pair, tmp_path: Path, traditional: bool
) -> None:
    path = encrypted(ours.key, tmp_path, traditional=traditional)

    assert refusal(file, ours, {"KEY": str(path)}) == (
        f"component.yaml:{LINES + 3}:3: signing.key: is encrypted: add its passphrase as `passphrase: env:NAME`"
    )


def test_a_wrong_passphrase_is_refused(file: Path, ours: Pair, tmp_path: Path) -> None:
    path = encrypted(ours.key, tmp_path)

    assert f"component.yaml:{LINES + 4}:3: signing.passphrase: does not decrypt the key" in refusal(
        file, ours, {"KEY": str(path), "PASSPHRASE": "open barley"}, "env:PASSPHRASE"
    )


def test_the_key_of_another_certificate_is_refused(file: Path, ours: Pair, theirs: Pair) -> None:
    assert refusal(file, ours, {"KEY": str(theirs.key)}) == (
        f"component.yaml:{LINES + 3}:3: signing.key: is not the key of the certificate of 'Our modules': "
        "name a key and a certificate that belong together"
    )


def test_a_key_that_is_none_is_refused(file: Path, ours: Pair) -> None:
    assert "signing.key: is not a private key (" in refusal(file, ours, {"KEY": str(ours.certificate)})


def test_a_key_whose_signatures_differ_each_time_is_refused(file: Path, tmp_path: Path) -> None:
    pair = make_pair(tmp_path / "ec", "Curves", algorithm="ec")

    assert refusal(file, pair, {"KEY": str(pair.key)}) == (
        f"component.yaml:{LINES + 2}:3: signing.certificate: has a key of type id-ecPublicKey, "
        "whose signatures differ each time: use an RSA key"
    )


def test_a_signer_without_a_common_name_is_known_by_the_whole_subject(tmp_path: Path) -> None:
    command = ["openssl", "req", "-x509", "-batch", "-newkey", "rsa:2048", "-noenc", "-subj", "/O=Größe/OU=Kernel"]
    files = ["-utf8", "-keyout", str(tmp_path / "k"), "-out", str(tmp_path / "c")]
    subprocess.run([*command, *files], check=True, capture_output=True)

    assert certificate_name((tmp_path / "c").read_text()) == (
        "organizationName = Größe organizationalUnitName = Kernel"
    )


def test_what_openssl_refuses_is_an_error_in_its_own_words() -> None:
    with pytest.raises(OpensslError, match="Could not read"):
        openssl("x509", "-noout", stdin=b"nothing")
