"""Docker's configuration as docker(1) reads it. The inputs come from public bug reports."""

import base64
import json
from pathlib import Path

import pytest

from lifecycle.tools.registry.credentials import docker_login, login_for
from lifecycle.tools.registry.login import Login
from tests.support.docker_config import AUTH, ENTRY, HOST, LOGIN, Configured, error_of

AZURE = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
OTHER = {"other.example": {"auth": ""}, "third.example": {"auth": "%%%"}, "fourth.example": None}


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        (ENTRY, LOGIN),
        ({"auth": AUTH + "\n"}, LOGIN),
        ({"auth": base64.b64encode(b"u:p:q\0\0").decode()}, Login("u", "p:q")),
        ({"username": "u", "password": "p"}, LOGIN),
        ({"identitytoken": "T", "auth": "MDAwOg=="}, Login(refresh_token="T")),
        ({"identitytoken": "T", "auth": AZURE}, Login(refresh_token="T")),
        ({"identitytoken": "T", "auth": AUTH}, Login("u", "p", refresh_token="T")),
        ({"registrytoken": "T"}, Login(registry_token="T")),
        ({"auth": AUTH, "identitytoken": "", "email": None}, LOGIN),
        ({}, None),
        ({"auth": ""}, None),
        (None, None),
    ],
)
def test_each_form_of_an_entry_is_read(configured: Configured, entry: object, login: Login | None) -> None:
    assert docker_login(HOST, configured({"auths": {**OTHER, HOST: entry}})) == login


@pytest.mark.parametrize(
    ("host", "key"),
    [
        (HOST, HOST),
        (HOST, f"https://{HOST}"),
        (HOST, f"https://{HOST}/v1/"),
        (HOST, f"http://{HOST}/v2/"),
        (HOST, f"{HOST}/team"),
        (HOST, "H.example:5000"),
        ("docker.io", "https://index.docker.io/v1/"),
        ("index.docker.io", "https://index.docker.io/v1/"),
        ("docker.io", "docker.io"),
        ("docker.io", "index.docker.io"),
    ],
)
def test_a_registry_is_found_by_each_spelling_of_its_key(configured: Configured, host: str, key: str) -> None:
    assert docker_login(host, configured({"auths": {"https://[": {}, key: ENTRY}})) == LOGIN


@pytest.mark.parametrize("key", ["h.example", "h.example:5001", "xh.example:5000", "https://index.docker.io/v1/"])
def test_another_registry_or_port_is_not_this_one(configured: Configured, key: str) -> None:
    assert docker_login(HOST, configured({"auths": {key: ENTRY}})) is None


def test_the_exact_key_comes_before_a_similar_one(configured: Configured) -> None:
    config = {"auths": {f"https://{HOST}/v1/": {"identitytoken": "old"}, HOST: ENTRY}}

    assert docker_login(HOST, configured(config)) == LOGIN


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"auths": {HOST: ENTRY}}).encode("utf-8-sig"),
        json.dumps({"auths": {HOST: ENTRY}}).encode("utf-16"),
        json.dumps({"AUTHS": {HOST: {"Auth": AUTH}}}).encode(),
        b"\n " + json.dumps({"auths": {HOST: ENTRY}}).encode() + b"\n{}",
    ],
)
def test_each_spelling_of_the_file_is_read(configured: Configured, content: bytes) -> None:
    assert docker_login(HOST, configured(content)) == LOGIN


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"null", b"{}", b'{"auths": null}', b'{"credHelpers": {}, "credsStore": ""}']
)
def test_a_file_without_logins_is_no_login(configured: Configured, content: bytes) -> None:
    assert docker_login(HOST, configured(content)) is None


@pytest.mark.parametrize(
    ("content", "where", "why"),
    [
        (b'{"auths": {},\n}', "config.json:2:1", "invalid JSON (Expecting property name enclosed in double quotes)"),
        (b"{'auths': 1}", "config.json:1:2", "invalid JSON"),
        (b'{"auths": {"a": {"auth": "x"}', "config.json:1:30", "invalid JSON (Expecting ',' delimiter)"),
        (b"\xff\xfe\xff", "config.json", "invalid JSON"),
        (b'{"a": ' + b"[" * 100_000, "config.json", "invalid JSON"),
        (b"[]", "config.json", "it is not a JSON object"),
        (b'{"auths": [1]}', "config.json", "auths is no JSON object"),
        (b'{"credHelpers": "x"}', "config.json", "credHelpers is no JSON object"),
        (b'{"credsStore": 3}', "config.json", "credsStore is no text"),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_place(
    configured: Configured, content: bytes, where: str, why: str, tmp_path: Path
) -> None:
    error = error_of(docker_login(HOST, configured(content)))
    (line,) = str(error).splitlines()

    assert line.startswith(f"{tmp_path}/{where}: ")
    assert why in line
    assert f"so there is no login for {HOST}: repair it, run `docker login {HOST}`, or set INVOKE_" in line
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"auth": "%%%"}, ".auth is not base64 of `user:password`"),
        ({"auth": "dXA="}, ".auth is not base64 of `user:password`"),
        ({"auth": "OnA="}, ".auth is not base64 of `user:password`"),
        ({"auth": "//8="}, ".auth is not base64 of `user:password`"),
        ({"auth": 3}, ".auth is no text"),
        ({"identitytoken": ["T"]}, ".identitytoken is no text"),
        ("text", " is no JSON object"),
    ],
)
def test_a_broken_entry_of_this_registry_is_named_by_its_key(configured: Configured, entry: object, why: str) -> None:
    error = error_of(docker_login(HOST, configured({"auths": {HOST: entry}})))

    assert f"config.json: auths['{HOST}']{why}, so there is no login" in str(error)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    error = error_of(docker_login(HOST, {"DOCKER_CONFIG": str(tmp_path)}))

    assert str(error).startswith(f"{tmp_path}/config.json: it cannot be read (Is a directory), so there is no login")


@pytest.mark.parametrize("folder", ["nowhere", "file/below"])
def test_a_missing_file_is_no_login(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()

    assert docker_login(HOST, {"DOCKER_CONFIG": str(tmp_path / folder), "HOME": str(tmp_path)}) is None


def test_the_file_is_in_the_home_folder_unless_docker_config_is_set(configured: Configured, tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {HOST: ENTRY}}))
    elsewhere = configured({})

    assert docker_login(HOST, {"HOME": str(tmp_path)}) == LOGIN
    assert docker_login(HOST, {"HOME": str(tmp_path), "DOCKER_CONFIG": ""}) == LOGIN
    assert docker_login(HOST, {"HOME": str(tmp_path), **elsewhere}) is None


def test_the_variable_comes_before_the_file(configured: Configured) -> None:
    environ = configured({"auths": {HOST: {"identitytoken": "T"}}})
    variable = json.dumps({"auths": {HOST: ENTRY}})

    assert docker_login(HOST, {**environ, "DOCKER_AUTH_CONFIG": variable}) == LOGIN
    assert docker_login("x.example", {**environ, "DOCKER_AUTH_CONFIG": variable}) is None


@pytest.mark.parametrize("variable", ["{", "[]", '{"auths": {}}', " "])
def test_the_file_serves_where_the_variable_does_not(configured: Configured, variable: str) -> None:
    assert docker_login(HOST, {**configured({"auths": {HOST: ENTRY}}), "DOCKER_AUTH_CONFIG": variable}) == LOGIN


def test_a_broken_variable_is_named(configured: Configured) -> None:
    error = error_of(docker_login(HOST, {**configured({}), "DOCKER_AUTH_CONFIG": '{"auths": {},}'}))

    assert str(error).startswith("DOCKER_AUTH_CONFIG:1:14: invalid JSON (")


def test_our_own_variables_come_before_dockers(configured: Configured) -> None:
    environ = {**configured({"auths": {HOST: ENTRY}}), "INVOKE_REGISTRY_USERNAME": "me"}

    assert login_for(HOST, {**environ, "INVOKE_REGISTRY_PASSWORD": "mine"}) == Login("me", "mine")
    assert login_for(HOST, {**environ, "INVOKE_REGISTRY_PASSWORD": ""}) == LOGIN


def test_a_login_shows_its_name_only() -> None:
    assert "geheim" not in repr(Login("u", "geheim", refresh_token="geheim", registry_token="geheim"))


@pytest.mark.parametrize(
    ("login", "header"),
    [
        (LOGIN, {"username": "u", "password": "p"}),
        (Login("u", "p", refresh_token="T"), {"identitytoken": "T"}),
        (Login(registry_token="T"), {"registrytoken": "T"}),
        (Login(), {}),
    ],
)
def test_an_engine_gets_the_login_in_its_own_form(login: Login, header: dict[str, str]) -> None:
    assert login.for_engine() == header


def test_a_variable_that_is_not_utf_8_is_one_sentence() -> None:
    error = error_of(docker_login(HOST, {"DOCKER_AUTH_CONFIG": '{"\udcff": 1}', "DOCKER_CONFIG": "/none"}))

    assert str(error).startswith("DOCKER_AUTH_CONFIG: invalid JSON")
