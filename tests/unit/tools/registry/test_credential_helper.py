"""Docker's credential helpers, as scripts, through the configuration that names them."""

import json
import os
import select
from pathlib import Path

import pytest

from lifecycle.tools.registry.credentials import docker_login
from lifecycle.tools.registry.login import Login
from tests.support.docker_config import ENTRY, HOST, LOGIN, Configured, error_of


def answer(username: str, secret: str) -> str:
    return f"echo '{json.dumps({'Username': username, 'Secret': secret})}'"


@pytest.mark.parametrize(
    ("username", "secret", "login"),
    [
        ("u", "p", LOGIN),
        ("<token>", "T", Login(refresh_token="T")),
        ("00000000-0000-0000-0000-000000000000", "T", Login("00000000-0000-0000-0000-000000000000", "T")),
        ("", "", None),
    ],
)
@pytest.mark.parametrize("config", [{"credsStore": "lab"}, {"credHelpers": {HOST: "lab"}, "credsStore": "other"}])
def test_a_helper_answers_with_a_password_or_a_token(
    configured: Configured, config: object, username: str, secret: str, login: Login | None
) -> None:
    assert docker_login(HOST, configured(config, lab=answer(username, secret))) == login


@pytest.mark.parametrize(("host", "server"), [(HOST, HOST), ("docker.io", "https://index.docker.io/v1/")])
def test_a_helper_is_asked_by_dockers_name_of_the_registry(configured: Configured, host: str, server: str) -> None:
    script = """echo "{\\"Username\\": \\"$1\\", \\"Secret\\": \\"$(cat)\\"}" """

    assert docker_login(host, configured({"credsStore": "lab"}, lab=script)) == Login("get", server)


@pytest.mark.parametrize(
    "script",
    [None, "echo no keychain >&2; exit 1", "echo nonsense", "echo credentials not found in native keychain; exit 1"],
)
def test_auths_serve_where_the_helper_does_not(configured: Configured, script: str | None) -> None:
    environ = configured({"credsStore": "lab", "auths": {HOST: ENTRY}}, **({"lab": script} if script else {}))

    assert docker_login(HOST, environ) == LOGIN


def test_an_empty_helper_turns_the_default_one_off(configured: Configured) -> None:
    config = {"credHelpers": {HOST: ""}, "credsStore": "lab", "auths": {HOST: ENTRY}}

    assert docker_login(HOST, configured(config, lab="exit 9")) == LOGIN


def test_helpers_of_other_registries_are_not_run(configured: Configured) -> None:
    config = {"credHelpers": {"other.example": "lab"}, "auths": {HOST: ENTRY}}

    assert docker_login(HOST, configured(config, lab=answer("x", "y"))) == LOGIN


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "docker-credential-lab is not installed, or not in PATH"),
        ("echo the vault is locked; exit 1", 'docker-credential-lab ended with exit code 1: "the vault is locked"'),
        ("echo no display >&2; exit 3", 'docker-credential-lab ended with exit code 3: "no display"'),
        ("exit 1", 'docker-credential-lab ended with exit code 1: "it printed nothing"'),
        ('echo \'{"Secret": "geheim"}\'; exit 1', 'docker-credential-lab ended with exit code 1: "it printed nothing"'),
        ("echo nonsense", "docker-credential-lab returned invalid output"),
        ("echo '{}'", "docker-credential-lab returned invalid output"),
        ("echo '[]'", "docker-credential-lab returned invalid output"),
        ("""echo '{"Username": 1, "Secret": "x"}'""", "docker-credential-lab returned invalid output"),
    ],
)
def test_a_helper_that_fails_is_quoted(configured: Configured, script: str | None, said: str) -> None:
    error = error_of(docker_login(HOST, configured({"credsStore": "lab"}, **({"lab": script} if script else {}))))

    assert error.brief == f"cannot sign in at {HOST}: Docker's credentials cannot be read: {said}"


def test_a_helper_that_cannot_run_is_named(configured: Configured, tmp_path: Path) -> None:
    environ = configured({"credsStore": "lab"}, lab="")
    (tmp_path / "docker-credential-lab").write_text("#!/no/such/interpreter\n")

    assert "docker-credential-lab cannot be run: No such file" in str(error_of(docker_login(HOST, environ)))


def test_a_helper_that_hangs_is_ended_with_its_children(
    configured: Configured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("lifecycle.tools.registry.credential_helper.SECONDS", 0.5)
    environ = configured({"credsStore": "lab"}, lab=f"sleep 90 & echo $! > {tmp_path}/child; wait")
    error = error_of(docker_login(HOST, environ))
    child = int((tmp_path / "child").read_text())

    assert error.brief.endswith("docker-credential-lab did not answer within 0.5 seconds")
    assert has_ended(child, seconds=10)


def has_ended(process: int, *, seconds: float) -> bool:
    """Return whether a process ends within some seconds (pidfd_open(2))."""
    try:
        file = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([file], [], [], seconds)[0])
    finally:
        os.close(file)
