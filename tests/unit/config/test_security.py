import re
import subprocess
from pathlib import Path

import pytest

from lifecycle.config.component import load_component
from lifecycle.config.pem import PemError
from lifecycle.config.security import Signing, read_signer, signing_section
from lifecycle.errors import ConfigurationError
from lifecycle.planning.project import load_project
from tests.support.builders.projects import COMPONENT
from tests.support.builders.signing_keys import Pair

LINES = len(COMPONENT.splitlines())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a component.yaml that declares signing to a checkout's folder, and return its path."""
    path = tmp_path / "checkout" / "component.yaml"
    path.parent.mkdir()
    path.write_text(
        f"{COMPONENT}signing:\n  certificate: certificate.pem\n  key: env:KEY\n  passphrase: env:PASSPHRASE\n"
    )
    return path


def declared(certificate: str = "certificate.pem", key: str = "env:KEY") -> Signing:
    return Signing(certificate=certificate, key=key)


def test_a_relative_certificate_is_in_the_checkout_for_all_may_see_it(file: Path, ours: Pair) -> None:
    (file.parent / "certificate.pem").write_bytes(ours.certificate.read_bytes())

    assert read_signer(file, declared(), {}) == ours.signer


@pytest.mark.parametrize("of", ["its text", "its path"])
def test_a_variable_holds_the_certificate_or_where_it_is(file: Path, ours: Pair, of: str) -> None:
    value = ours.certificate.read_text() if of == "its text" else str(ours.certificate)

    assert read_signer(file, declared("env:CERT"), {"CERT": value}) == ours.signer


def test_the_fingerprint_is_what_openssl_says(file: Path, ours: Pair) -> None:
    command = ["openssl", "x509", "-in", str(ours.certificate), "-noout", "-fingerprint", "-sha256"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert read_signer(file, declared(str(ours.certificate)), {}).fingerprint == (
        said.strip().partition("=")[2].replace(":", "").lower()
    )


def test_words_around_the_certificate_are_not_part_of_it(file: Path, ours: Pair) -> None:
    text = f"subject=Our modules\n{ours.certificate.read_text()}and more\n"

    assert read_signer(file, declared("env:CERT"), {"CERT": text}) == ours.signer


def refusal(file: Path, certificate: str, environ: dict[str, str]) -> str:
    with pytest.raises(PemError) as caught:
        read_signer(file, declared(certificate), environ)
    (problem,) = caught.value.problems
    assert "\n" not in problem
    return problem


def test_the_error_for_a_missing_certificate_has_file_line_and_key(file: Path) -> None:
    assert refusal(file, "certificate.pem", {}) == (
        f"component.yaml:{LINES + 2}:3: signing.certificate: certificate.pem does not exist: "
        "create it, or name another file"
    )


@pytest.mark.parametrize("environ", [{}, {"CERT": ""}, {"CERT": " \n"}])
def test_a_variable_that_is_not_set_is_named(file: Path, environ: dict[str, str]) -> None:
    assert refusal(file, "env:CERT", environ).endswith(
        "signing.certificate: the environment variable CERT is not set: set it, or name a file here"
    )


def test_a_certificate_with_its_key_beside_it_is_refused(file: Path, ours: Pair) -> None:
    text = ours.certificate.read_text() + ours.key.read_text()

    assert "contains a private key too: remove it" in refusal(file, "env:CERT", {"CERT": text})


def test_a_chain_of_certificates_is_refused(file: Path, ours: Pair, theirs: Pair) -> None:
    text = ours.certificate.read_text() + theirs.certificate.read_text()

    assert "contains 2 certificates in PEM form: name a file with the signer's own" in refusal(
        file, "env:CERT", {"CERT": text}
    )


def test_a_certificate_that_is_not_base64_is_refused(file: Path) -> None:
    text = "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----\n"

    assert "signing.certificate: is damaged" in refusal(file, "env:CERT", {"CERT": text})


def test_the_error_for_a_binary_certificate_names_the_conversion(file: Path) -> None:
    (file.parent / "certificate.der").write_bytes(b"\x30\x82\xff")

    assert "is not PEM text: convert it (`openssl x509 -inform DER`" in refusal(file, "certificate.der", {})


@pytest.mark.parametrize("how", ["relative", "absolute", "through a folder outside", "in a variable", "linked to"])
def test_a_key_in_the_checkout_is_refused(file: Path, ours: Pair, how: str) -> None:
    key = file.parent / "key.pem"
    key.write_bytes(ours.key.read_bytes())
    link = file.parent.parent / "link.pem"
    link.symlink_to(key)
    value = {
        "relative": "key.pem",
        "absolute": str(key),
        "through a folder outside": "../checkout/key.pem",
        "in a variable": "env:KEY",
        "linked to": str(link),
    }[how]
    with pytest.raises(PemError) as caught:
        signing_section(file, {"KEY": str(key)}).pem("key", value, secret=True)

    path = "the file in env:KEY" if how == "in a variable" else value
    assert caught.value.problems == (
        f"component.yaml:{LINES + 3}:3: signing.key: {path} is in the checkout: keep secrets outside it, or use env:NAME",
    )


@pytest.mark.parametrize("text", ["c2VjcmV0IGtleQ==", "s" * 5000, "/c2VjcmV0IGtleQ=="])
def test_a_secret_in_a_variable_that_is_no_pem_is_not_shown(file: Path, text: str) -> None:
    with pytest.raises(PemError, match=r"signing\.key: .*the file in env:KEY") as caught:
        signing_section(file, {"KEY": text}).pem("key", "env:KEY", secret=True)
    assert text not in str(caught.value)


def test_a_key_outside_of_the_checkout_is_read(file: Path, ours: Pair) -> None:
    assert signing_section(file, {}).pem("key", str(ours.key), secret=True) == ours.key.read_text()
    assert (
        signing_section(file, {"KEY": ours.key.read_text()}).pem("key", "env:KEY", secret=True) == ours.key.read_text()
    )


def test_a_passphrase_is_a_variables_value_or_a_files_first_line(file: Path, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("open sesame\n")

    assert (
        signing_section(file, {"PASSPHRASE": "/not/a/path"}).passphrase("passphrase", "env:PASSPHRASE") == "/not/a/path"
    )
    assert signing_section(file, {}).passphrase("passphrase", str(tmp_path / "passphrase")) == "open sesame"


def test_a_passphrase_in_the_checkout_is_refused(file: Path) -> None:
    with pytest.raises(PemError, match=r"signing\.passphrase: component\.yaml is in the checkout"):
        signing_section(file, {}).passphrase("passphrase", "component.yaml")


def test_an_unknown_hash_is_refused_with_those_that_there_are(file: Path) -> None:
    file.write_text(file.read_text() + "  hash: md5\n")
    with pytest.raises(ConfigurationError) as caught:
        load_component(file)

    assert caught.value.problems == (
        f"component.yaml:{LINES + 5}:3: signing.hash: expected 'sha256', 'sha384' or 'sha512', found 'md5'",
    )


def test_a_checkout_that_declares_signing_has_a_signer(checkout: Path, ours: Pair) -> None:
    assert load_project(checkout, {}).signer is None

    with (checkout / "component.yaml").open("a") as file:
        file.write("\nsigning: {certificate: env:CERT, key: env:KEY}\n")
    assert load_project(checkout, {"CERT": str(ours.certificate)}).signer == ours.signer


def uncommented(text: str, section: str) -> str:
    """Return component.yaml with a section that is commented out."""
    before, mark, rest = text.partition(f"# {section}:\n")
    lines, gap, after = rest.partition("\n\n")
    assert mark
    return f"{before}{section}:\n{re.sub('^# ', '', lines, flags=re.MULTILINE)}{gap}{after}"


def test_the_example_in_component_yaml_is_ready_to_be_uncommented(checkout: Path, ours: Pair) -> None:
    path = checkout / "component.yaml"
    path.write_text(uncommented(path.read_text(), "signing"))
    (checkout / "signing").mkdir()
    (checkout / "signing/certificate.pem").write_bytes(ours.certificate.read_bytes())

    assert load_project(checkout, {}).signer == ours.signer


def test_the_example_of_attest_is_ready_to_be_uncommented(checkout: Path) -> None:
    path = checkout / "component.yaml"
    path.write_text(uncommented(path.read_text(), "attest"))

    attest = load_project(checkout, {}).component.attest
    assert attest is not None
    assert (attest.key, attest.public_key) == ("env:ATTEST_KEY", "attest.pub")
