import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.errors import EXIT_USAGE
from lifecycle.tools.engine.address import (
    CertificatesNotFoundError,
    ContextNotFoundError,
    InvalidContextError,
    engine_address,
)

SOCKET = "unix:///var/run/docker.sock"


def make_context(docker: Path, name: str, endpoint: object, files: Mapping[str, str] | None = None) -> Path:
    """Create a context as `docker context create` does; return its meta.json."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = docker / "contexts/meta" / digest / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": {"docker": endpoint}}))
    for file, text in (files or {}).items():
        path = docker / "contexts/tls" / digest / "docker" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return meta


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """Create Docker's folder with three contexts, of which one is the current one."""
    for name in ("by-option", "by-variable", "current"):
        make_context(tmp_path, name, {"Host": f"ssh://{name}", "SkipTLSVerify": False})
    (tmp_path / "config.json").write_text('{"currentContext": "current", "auths": {}}')
    return tmp_path


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"INVOKE_ENGINE": "tcp://1:1", "DOCKER_HOST": "tcp://2:2", "DOCKER_CONTEXT": "by-variable"}, "tcp://1:1"),
        (
            {"INVOKE_ENGINE": "by-option", "DOCKER_HOST": "tcp://2:2", "DOCKER_CONTEXT": "by-variable"},
            "ssh://by-option",
        ),
        ({"INVOKE_ENGINE": "default", "DOCKER_HOST": "tcp://2:2", "DOCKER_CONTEXT": "by-variable"}, "tcp://2:2"),
        ({"INVOKE_ENGINE": "default"}, SOCKET),
        ({"DOCKER_HOST": "tcp://2:2", "DOCKER_CONTEXT": "by-variable"}, "tcp://2:2"),
        ({"DOCKER_HOST": "", "DOCKER_CONTEXT": "by-variable"}, "ssh://by-variable"),
        ({"DOCKER_CONTEXT": "default"}, SOCKET),
        ({"DOCKER_CONTEXT": ""}, "ssh://current"),
        ({}, "ssh://current"),
    ],
)
def test_the_engine_is_found_in_the_order_of_docker(docker: Path, environ: dict[str, str], url: str) -> None:
    assert engine_address({"DOCKER_CONFIG": str(docker), **environ}).url == url


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"currentContext": ""}', '{"currentContext": "default"}'])
def test_without_a_current_context_the_address_is_the_local_socket(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)

    assert str(engine_address({"DOCKER_CONFIG": str(tmp_path)})) == SOCKET


def test_a_message_names_the_context_beside_its_address(docker: Path) -> None:
    assert str(engine_address({"DOCKER_CONFIG": str(docker)})) == "ssh://current (Docker context 'current')"


@pytest.mark.parametrize(
    ("environ", "said_by"),
    [
        ({"INVOKE_ENGINE": "nowhere"}, "--engine"),
        ({"DOCKER_CONTEXT": "nowhere"}, "DOCKER_CONTEXT"),
        ({}, "currentContext of {folder}/config.json"),
    ],
)
def test_the_error_for_a_missing_context_names_the_setting(docker: Path, environ: dict[str, str], said_by: str) -> None:
    (docker / "config.json").write_text('{"currentContext": "nowhere"}')
    with pytest.raises(ContextNotFoundError) as caught:
        engine_address({"DOCKER_CONFIG": str(docker), **environ})

    assert str(caught.value) == (
        f"{said_by.format(folder=docker)}: there is no Docker context 'nowhere': name one of `docker context ls`, "
        "or write an address such as ssh://user@host"
    )
    assert caught.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Endpoints": {}}', '{"Endpoints": {"docker": null}}'])
def test_the_error_for_a_damaged_context_names_its_file(docker: Path, text: str) -> None:
    meta = make_context(docker, "damaged", {})
    meta.write_text(text)
    with pytest.raises(InvalidContextError, match="it contains no address of an engine") as caught:
        engine_address({"DOCKER_CONFIG": str(docker), "INVOKE_ENGINE": "damaged"})

    assert str(caught.value).startswith(f"{meta}: ")


def test_a_context_uses_its_own_certificates_not_the_environments(docker: Path) -> None:
    files = {"ca.pem": "", "cert.pem": "", "key.pem": ""}
    meta = make_context(docker, "far", {"Host": "tcp://far:2376", "SkipTLSVerify": False}, files)
    found = engine_address({"DOCKER_CONFIG": str(docker), "INVOKE_ENGINE": "far", "DOCKER_TLS_VERIFY": "1"}).tls
    folder = docker / "contexts/tls" / meta.parent.name / "docker"

    assert found is not None
    assert (found.ca_cert, found.cert) == (f"{folder}/ca.pem", (f"{folder}/cert.pem", f"{folder}/key.pem"))
    assert found.verify is True


@pytest.mark.parametrize(
    ("skip", "files", "verify"),
    [(False, {}, None), (False, {"ca.pem": ""}, True), (True, {}, False), (True, {"ca.pem": ""}, False)],
)
def test_a_context_uses_tls_with_a_certificate_or_without_verification(
    docker: Path, skip: bool, files: dict[str, str], verify: bool | None
) -> None:
    make_context(docker, "far", {"Host": "tcp://far:2376", "SkipTLSVerify": skip}, files)
    found = engine_address({"DOCKER_CONFIG": str(docker), "INVOKE_ENGINE": "far"}).tls

    assert (found.verify if found else None) == verify
    assert found is None or found.cert is None


def test_a_tcp_address_uses_the_certificates_of_the_environment(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
    environ = {"DOCKER_CERT_PATH": str(tmp_path), "DOCKER_TLS_VERIFY": "1"}
    found = engine_address({**environ, "INVOKE_ENGINE": "tcp://far:2376"}).tls

    assert found is not None
    assert (found.ca_cert, found.verify) == (f"{tmp_path}/ca.pem", True)
    assert engine_address({**environ, "INVOKE_ENGINE": "unix:///x"}).tls is None
    assert engine_address({"DOCKER_CONFIG": str(tmp_path), "DOCKER_HOST": "tcp://far:2375"}).tls is None


def test_missing_certificates_are_reported_with_one_sentence(tmp_path: Path) -> None:
    environ = {"DOCKER_HOST": "tcp://far:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
    with pytest.raises(CertificatesNotFoundError, match=r"ca\.pem, cert\.pem or key\.pem is missing in"):
        engine_address(environ)
    assert CertificatesNotFoundError.exit_code == EXIT_USAGE


def test_a_config_json_that_cannot_be_read_names_no_context(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()

    assert engine_address({"DOCKER_CONFIG": str(tmp_path)}).url == SOCKET


def test_a_context_whose_name_is_no_text_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"currentContext": "\\ud800"}')

    with pytest.raises(ContextNotFoundError, match=r"there is no Docker context '\\ud800'"):
        engine_address({"DOCKER_CONFIG": str(tmp_path)})
