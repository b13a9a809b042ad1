"""Registries, forges and archives as `invoke doctor` sees them: each check against a real server."""

import email.utils
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lifecycle.app.session import Session
from lifecycle.doctor.clock import check_clock
from lifecycle.doctor.finding import Finding, State
from lifecycle.doctor.forge import check_pull_requests, check_releases
from lifecycle.doctor.registry import check_registry, check_remote_cache
from lifecycle.planning.project import Project, load_project
from lifecycle.sources.apt.machine import MachineArchives
from tests.support.builders.push_session import copied_checkout
from tests.support.git import git
from tests.support.servers.forge_server import JOB_TOKEN, TOKEN, forge_server
from tests.support.servers.registry_server import PASSWORD, USER, registry_server
from tests.support.servers.token_server import token_server
from tests.support.serving import serving

LOGIN = {"INVOKE_REGISTRY_USERNAME": USER, "INVOKE_REGISTRY_PASSWORD": PASSWORD}
WRONG = {**LOGIN, "INVOKE_REGISTRY_PASSWORD": "wrong-4711"}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def declaring(folder: Path, host: str = "localhost:1", *, more: str = "", edit: Callable[[str], str] = str) -> Project:
    """Return the project of a copy of the checkout with a registry, and more or edited lines in component.yaml."""
    path = copied_checkout(host, folder / "checkout") / "component.yaml"
    path.write_text(edit(path.read_text()) + more)
    return load_project(folder / "checkout")


def text(found: Finding) -> str:
    return f"{found.text} {found.remedy}"


def test_a_registry_with_a_login_may_be_read_and_pushed_to(tmp_path: Path) -> None:
    with registry_server(tmp_path / "registry", password=True) as server:
        (found,) = check_registry(declaring(tmp_path, server.host), LOGIN)

        assert found.state is State.OK, found
        assert found.text.endswith(f"may be read and pushed to, as {USER}")
        assert server.blobs() == 0


@pytest.mark.parametrize("environ", [{}, WRONG])
def test_a_missing_or_wrong_login_is_an_error_with_what_to_do(tmp_path: Path, environ: Mapping[str, str]) -> None:
    with registry_server(tmp_path / "registry", password=True) as server:
        nowhere = {**environ, "DOCKER_CONFIG": str(tmp_path)}
        (found,) = check_registry(declaring(tmp_path, server.host), nowhere)

        assert found.state is State.ERROR, found
        assert f"docker login {server.host}" in found.remedy
        assert "wrong-4711" not in text(found)


def test_a_registry_that_may_be_read_but_not_pushed_to_is_a_warning(tmp_path: Path) -> None:
    with (
        token_server(tmp_path / "tokens") as tokens,
        registry_server(tmp_path / "registry", tokens=tokens.configuration) as server,
    ):
        tokens.only = ("pull",)
        (found,) = check_registry(declaring(tmp_path, server.host), LOGIN)

        assert found.state is State.WARNING, found
        assert "may be read but not pushed to" in found.text


def test_a_remote_cache_that_is_only_read_needs_no_right_to_push(tmp_path: Path) -> None:
    with (
        token_server(tmp_path / "tokens") as tokens,
        registry_server(tmp_path / "registry", tokens=tokens.configuration) as server,
    ):
        tokens.only = ("pull",)
        store = f"store: {{registry: '{server.host}', repository: team/store, mode: read-only}}\n"
        (found,) = check_remote_cache(declaring(tmp_path, server.host, more=store), LOGIN)

        assert found.state is State.OK, found
        assert ": may be read, as" in found.text


def test_a_certificate_of_an_unknown_authority_says_where_to_put_it(tmp_path: Path) -> None:
    with registry_server(tmp_path / "registry", tls=True) as server:
        (found,) = check_registry(declaring(tmp_path, server.host), {})

        assert found.state is State.ERROR, found
        assert f"/etc/docker/certs.d/{server.host}/ca.crt" in found.remedy


def test_a_registry_on_loopback_that_nobody_runs_is_a_warning(tmp_path: Path) -> None:
    (found,) = check_registry(declaring(tmp_path), {})

    assert found.state is State.WARNING, found
    assert "Start one before `invoke push`" in found.remedy


def gitops(kind: str, host: str) -> Callable[[str], str]:
    """Return the edit of component.yaml that names a repository at a forge of the tests."""
    api = {"github": "api/v3", "gitlab": "api/v4"}[kind]
    section = f"  repository: http://{host}/team/gitops.git\n  forge: {kind}\n  api: http://{host}/{api}\n"
    return lambda before: before.replace("  repository: build/gitops.git\n", section)


def session(project: Project, **environ: str) -> Session:
    return Session(project.root, cache_dir=str(project.root / "cache"), environ=environ)


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize(("may_write", "state"), [(True, State.OK), (False, State.ERROR)])
def test_the_rights_of_a_token_are_read_from_the_forge(
    tmp_path: Path, kind: str, state: State, *, may_write: bool
) -> None:
    with forge_server() as server:
        level = {"access_level": 40 if may_write else 20}
        server.permissions = {"push": may_write} if kind == "github" else {"group_access": level}
        project = declaring(tmp_path, edit=gitops(kind, server.host))
        (found,) = check_pull_requests(session(project, INVOKE_GITOPS_TOKEN=TOKEN), project)

        assert found.state is state, found
        assert [method for method, _ in server.asked] == ["GET"]


def test_a_token_that_the_forge_does_not_know_is_an_error(tmp_path: Path) -> None:
    with forge_server() as server:
        project = declaring(tmp_path, edit=gitops("github", server.host))
        (found,) = check_pull_requests(session(project, INVOKE_GITOPS_TOKEN="unknown-4711"), project)

        assert found.state is State.ERROR, found
        assert "Bad credentials" in found.text
        assert "unknown-4711" not in text(found)


def test_rights_that_a_forge_does_not_tell_are_a_warning(tmp_path: Path) -> None:
    with forge_server() as server:
        server.permissions = {"project_access": None, "group_access": None}
        project = declaring(tmp_path, edit=gitops("gitlab", server.host))
        (found,) = check_pull_requests(session(project, INVOKE_GITOPS_TOKEN=TOKEN), project)

        assert found.state is State.WARNING, found


def test_a_missing_token_is_a_warning(tmp_path: Path) -> None:
    project = declaring(tmp_path, edit=gitops("github", "127.0.0.1:1"))
    (found,) = check_pull_requests(session(project), project)

    assert found.state is State.WARNING, found
    assert "INVOKE_GITOPS_TOKEN is not set" in found.text


@pytest.mark.parametrize(
    ("environ", "state"),
    [({}, State.WARNING), ({"INVOKE_RELEASE_TOKEN": TOKEN}, State.OK), ({"CI_JOB_TOKEN": JOB_TOKEN}, State.OK)],
)
def test_the_token_for_releases_is_looked_up_at_the_forge_of_origin(
    tmp_path: Path, environ: dict[str, str], state: State
) -> None:
    with forge_server() as server:
        server.permissions = {"project_access": {"access_level": 30}}
        api = f"http://{server.host}/api/v4"
        project = declaring(tmp_path, more=f"release: {{forge: gitlab, api: '{api}'}}\n")
        git(project.root, "init", "--quiet")
        git(project.root, "remote", "add", "origin", f"http://{server.host}/team/gpu.git")
        (found,) = check_releases(session(project, CI_API_V4_URL=api, **environ), project)

        assert found.state is state, found


@contextmanager
def archive_with_clock(seconds: float) -> Iterator[str]:
    """Start a web server whose clock is some seconds behind ours, and yield its address."""

    class Handler(SimpleHTTPRequestHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return email.utils.formatdate(time.time() - seconds, usegmt=True)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(("seconds", "state"), [(0, State.OK), (-120, State.WARNING), (900, State.ERROR)])
def test_a_wrong_clock_is_told_by_the_archives(tmp_path: Path, seconds: float, state: State) -> None:
    with archive_with_clock(seconds) as address:
        entry = f"uri: {address}/debian, keyring: {KEYRING},"
        project = declaring(tmp_path, edit=lambda before: re.sub(r"archive: Debian(-Security)?,", entry, before))
        (found,) = check_clock(project, MachineArchives())

        assert found.state is state, found
