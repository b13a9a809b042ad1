"""Web servers, folders and OpenStack Swift as `invoke doctor` sees them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.doctor.examination import Check, examine
from lifecycle.doctor.finding import Finding, State
from lifecycle.doctor.sources import check_sources, check_swift
from lifecycle.planning.project import Project, load_project
from tests.support.builders.push_session import copied_checkout
from tests.support.servers.processes import free_port
from tests.support.servers.registry_server import certificate
from tests.support.servers.swift_cluster import SwiftCluster
from tests.support.servers.web_server import web_server

_DRIVER = "    535: {kind: packages, release: debian-12, endOfLife: 2026-06-30}\n"


def declaring(folder: Path, location: str) -> Project:
    """Return the project of a copy of the checkout whose 535 drivers are installers at a location."""
    path = copied_checkout("localhost:1", folder / "checkout") / "component.yaml"
    before = path.read_text()
    assert _DRIVER in before
    path.write_text(before.replace(_DRIVER, f'    535: {{kind: runfile, url: "{location}/{{version}}.run"}}\n'))
    return load_project(folder / "checkout")


def in_swift(folder: Path, environ: Mapping[str, str]) -> Finding:
    """Return the finding of a driver in Swift."""
    project = declaring(folder, "swift:drivers")
    (found,) = examine([Check(subject="swift", run=lambda: check_swift(project, environ))])
    return found


def test_a_server_that_answers_is_ok_whatever_it_has(tmp_path: Path) -> None:
    with web_server(tmp_path) as server:
        (found,) = check_sources(declaring(tmp_path, f"{server.address}/missing"))

    assert (found.state, found.text) == (State.OK, f"{server.address}/ answers")


def test_a_server_that_does_not_answer_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"

    (found,) = check_sources(declaring(tmp_path, address))

    assert found.state is State.ERROR
    assert found.text.startswith(f"{address}/ does not answer: ")
    assert "NO_PROXY" in found.remedy


def test_a_certificate_of_an_unknown_authority_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    with web_server(tmp_path, certificate=certificate(tmp_path, "127.0.0.1")) as server:
        (found,) = check_sources(declaring(tmp_path, server.address))

    assert found.state is State.ERROR
    assert "certificate" in found.text
    assert "SSL_CERT_FILE" in found.remedy


def test_an_address_with_a_word_that_is_no_port_is_an_error(tmp_path: Path) -> None:
    (found,) = examine([Check(subject="sources", run=lambda: check_sources(declaring(tmp_path, "http://host:port")))])

    assert found.state is State.ERROR


def test_folders_of_packages_are_looked_for(tmp_path: Path) -> None:
    path = copied_checkout("localhost:1", tmp_path / "checkout") / "component.yaml"
    before = path.read_text()
    start, end = before.index("    debian-12:\n"), before.index("    debian-13:\n")
    path.write_text(f"{before[:start]}    debian-12: {{kind: directory, path: packages}}\n{before[end:]}")
    project = load_project(tmp_path / "checkout")

    (missing,) = check_sources(project)
    (project.root / "packages").mkdir()
    (found,) = check_sources(project)

    assert (missing.state, found.state) == (State.ERROR, State.OK)
    assert "Create it, or correct `path` in component.yaml." in missing.remedy


def test_credentials_that_swift_takes_are_ok(swift: SwiftCluster, tmp_path: Path) -> None:
    found = in_swift(tmp_path, swift.environ)

    assert found.state is State.OK, found


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"ST_AUTH": "", "ST_USER": "", "ST_KEY": ""}, "no credentials in the environment"),
        ({"ST_KEY": ""}, "ST_KEY is not set"),
        ({"ST_KEY": "geheim-4711"}, "Swift: cannot sign in"),
        ({"ST_AUTH": "http://127.0.0.1:1/auth/v1.0"}, "Swift: cannot sign in"),
    ],
)
def test_credentials_that_swift_refuses_are_an_error_without_them(
    swift: SwiftCluster, tmp_path: Path, environ: Mapping[str, str], words: str
) -> None:
    found = in_swift(tmp_path, {**swift.environ, **environ})

    assert found.state is State.ERROR
    assert words in found.text
    assert "geheim-4711" not in f"{found.text} {found.remedy}"


def test_a_project_without_swift_needs_no_credentials(tmp_path: Path) -> None:
    (found,) = check_swift(declaring(tmp_path, "http://host"), {})

    assert found.state is State.SKIPPED
