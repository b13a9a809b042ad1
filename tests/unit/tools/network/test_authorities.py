import subprocess
from pathlib import Path

import pytest

from lifecycle.tools.network.authorities import Authorities, find_authorities
from lifecycle.tools.network.errors import InvalidAuthoritiesError


def certificate(path: Path) -> Path:
    """Make a certificate of an authority whose common name is that of the file."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={path.stem}", "-keyout", "/dev/null", "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def trusted(authorities: Authorities, *extra: Path) -> set[str]:
    """Return the common names of the test's authorities that a context has loaded."""
    found = str(authorities.context(extra).get_ca_certs())
    return {name for name in ("one", "two", "three") if f"('commonName', '{name}')" in found}


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_authorities_of_a_file_are_trusted(tmp_path: Path, variable: str) -> None:
    found = find_authorities({variable: str(certificate(tmp_path / "one.pem"))})

    assert trusted(found) == {"one"}
    assert str(found) == f"{tmp_path}/one.pem of {variable}"


@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_the_authorities_of_a_folder_are_trusted(tmp_path: Path, variable: str) -> None:
    certificate(tmp_path / "one.pem")
    certificate(tmp_path / "two.crt")

    assert trusted(find_authorities({variable: str(tmp_path)})) == {"one", "two"}


def test_a_file_and_several_folders_are_trusted_together(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    file = certificate(tmp_path / "one.pem")
    certificate(tmp_path / "a" / "two.pem")
    certificate(tmp_path / "b" / "three.pem")
    environ = {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": f"{tmp_path / 'a'}:{tmp_path / 'b'}"}

    assert trusted(find_authorities(environ)) == {"one", "two", "three"}


def test_openssl_s_variables_win(tmp_path: Path) -> None:
    one, two = certificate(tmp_path / "one.pem"), certificate(tmp_path / "two.pem")

    assert trusted(find_authorities({"SSL_CERT_FILE": str(one), "REQUESTS_CA_BUNDLE": str(two)})) == {"one"}


def test_more_authorities_are_trusted_beside_the_system_s(tmp_path: Path) -> None:
    system = Authorities().context().cert_store_stats()["x509_ca"]
    both = Authorities().context([certificate(tmp_path / "one.pem")]).cert_store_stats()["x509_ca"]

    assert both == system + 1


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_a_missing_path_is_one_sentence_with_its_variable(variable: str) -> None:
    with pytest.raises(InvalidAuthoritiesError) as caught:
        find_authorities({variable: "/no/such"}).context()

    assert str(caught.value) == (
        f"{variable}: /no/such: No such file or directory: put certificates in PEM form there, or unset the variable"
    )


@pytest.mark.parametrize("content", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\n!\n", b"\xff\x00"])
def test_a_file_without_certificates_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InvalidAuthoritiesError, match="it has no certificate in PEM form"):
        find_authorities({"SSL_CERT_FILE": str(tmp_path / "x")}).context()


def test_a_file_of_an_authority_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("nothing")
    with pytest.raises(InvalidAuthoritiesError) as caught:
        Authorities().context([tmp_path / "ca.crt"])

    assert str(caught.value) == (
        f"{tmp_path}/ca.crt: it has no certificate in PEM form: put certificates in PEM form there, or remove it"
    )


def test_the_folder_of_a_mounted_configmap_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "..2026_11_28").mkdir()
    certificate(tmp_path / "..2026_11_28" / "one.pem")
    (tmp_path / "..data").symlink_to("..2026_11_28")
    (tmp_path / "one.pem").symlink_to("..data/one.pem")
    (tmp_path / "README").write_text("the authorities of the company")

    assert trusted(find_authorities({"SSL_CERT_DIR": str(tmp_path)})) == {"one"}


def test_a_folder_of_files_without_a_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("the authorities of the company")

    with pytest.raises(InvalidAuthoritiesError, match=r"SSL_CERT_DIR: .*README: it has no certificate in PEM form"):
        find_authorities({"SSL_CERT_DIR": str(tmp_path)}).context()


def test_the_key_in_a_mounted_secret_is_not_read_as_an_authority(tmp_path: Path) -> None:
    certificate(tmp_path / "one.pem")
    (tmp_path / "tls.key").write_text("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n")

    assert trusted(find_authorities({"SSL_CERT_DIR": str(tmp_path)})) == {"one"}


def test_an_unreadable_file_in_a_folder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    file = certificate(tmp_path / "one.pem")
    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(InvalidAuthoritiesError, match=f"SSL_CERT_DIR: {file}: Permission denied"):
        find_authorities({"SSL_CERT_DIR": str(tmp_path)}).context()
