"""Archives that the machine's apt reaches through proxies, with logins and authorities of its configuration."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.errors import InstallerError
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.apt_checkout import debs_of, fetch, stanza
from tests.support.checkouts.source_checkout import SourceCheckout
from tests.support.machines.apt_machine import AptMachine
from tests.support.servers.processes import free_port
from tests.support.servers.registry_server import certificate
from tests.support.servers.tinyproxy_server import Tinyproxy, tinyproxy_server
from tests.support.servers.web_server import Web, web_server

HOST = "archive.example"


@pytest.fixture
def proxy(web: Web, tmp_path: Path) -> Iterator[Tinyproxy]:
    """Start the only way to a host that has no address: a proxy, by which the web server gets whole addresses."""
    (web.folder / "http:").mkdir()
    (web.folder / "http:" / f"{HOST}:80").symlink_to(web.folder)
    with tinyproxy_server(tmp_path / "proxy", {HOST: web.port}) as running:
        yield running


def test_a_proxy_in_apts_configuration_is_used_for_every_file(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive, proxy: Tinyproxy
) -> None:
    apt_machine.write("apt.conf.d/proxy", f'Acquire::http::Proxy "{proxy.address}";\n')
    apt_machine.write("sources.list.d/test.sources", stanza(f"http://{HOST}/", garden))
    apt_machine.update()
    files = fetch(apt_checkout)

    assert all(path.startswith(f"http://{HOST}:80/") for path in web.asked)
    assert {file.name for file in files} <= debs_of(web)


@pytest.mark.parametrize(
    "configuration",
    [
        'Acquire::http::Proxy "http://127.0.0.1:{closed}";\nAcquire::http::Proxy::{host} "{proxy}";\n',
        'Acquire::http::Proxy-Auto-Detect "{detect}";\n',
    ],
)
def test_a_proxy_of_one_host_or_one_that_a_program_names_is_used(
    apt_checkout: SourceCheckout,
    apt_machine: AptMachine,
    web: Web,
    garden: Archive,
    proxy: Tinyproxy,
    configuration: str,
) -> None:
    apt_machine.write("detect", f"#!/bin/sh\necho {proxy.address}\n")
    (apt_machine.etc / "detect").chmod(0o755)
    values = {"closed": free_port(), "host": HOST, "proxy": proxy.address, "detect": apt_machine.etc / "detect"}
    apt_machine.write("apt.conf.d/proxy", configuration.format(**values))
    apt_machine.write("sources.list.d/test.sources", stanza(f"http://{HOST}/", garden))
    apt_machine.update()

    assert {file.name for file in fetch(apt_checkout)} <= debs_of(web)


def test_a_host_without_a_proxy_is_reached_directly(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive
) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    apt_machine.write(
        "apt.conf.d/proxy", f'Acquire::http::Proxy "{closed}";\nAcquire::http::Proxy::127.0.0.1 "DIRECT";\n'
    )
    apt_machine.write("sources.list.d/test.sources", stanza(web.address, garden))
    apt_machine.update()

    assert {file.name for file in fetch(apt_checkout)} <= debs_of(web)


@pytest.mark.parametrize("place", ["auth.conf", "auth.conf.d/company.conf"])
def test_a_login_in_apts_configuration_is_used(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive, place: str
) -> None:
    with web_server(web.folder, login="u:p") as closed:
        apt_machine.write(place, f"machine http://127.0.0.1:{closed.port} login u password p\n")
        apt_machine.write("sources.list.d/test.sources", stanza(closed.address, garden))
        apt_machine.update()
        files = fetch(apt_checkout)

    assert {file.name for file in files} <= debs_of(closed)
    assert "u:p" not in (apt_checkout.root / "versions.lock").read_text()


def test_a_login_in_the_address_is_used_and_kept_secret(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive
) -> None:
    with web_server(web.folder, login="u:p4ss") as closed:
        address = closed.address.replace("//", "//u:p4ss@")
        apt_machine.write("sources.list.d/test.sources", stanza(address, garden))
        apt_machine.update()
        fetch(apt_checkout)

    readable = [path for path in apt_checkout.cache.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert "p4ss" not in (apt_checkout.root / "versions.lock").read_text()
    assert [path.name for path in readable if b"p4ss" in path.read_bytes()] == []


def test_a_certificate_authority_and_a_login_for_https_are_used(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive, tmp_path: Path
) -> None:
    authority = certificate(tmp_path, "127.0.0.1")
    with web_server(web.folder, login="u:p", certificate=authority) as closed:
        apt_machine.write("apt.conf.d/tls", f'Acquire::https::CaInfo "{authority}";\n')
        apt_machine.write("auth.conf.d/company.conf", f"machine 127.0.0.1:{closed.port} login u password p\n")
        apt_machine.write("sources.list.d/test.sources", stanza(closed.address, garden))
        apt_machine.update()

        assert {file.name for file in fetch(apt_checkout)} <= debs_of(closed)


def test_a_wrong_login_is_an_error_of_apt_without_a_traceback(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive
) -> None:
    with web_server(web.folder, login="u:p") as closed:
        apt_machine.write("auth.conf.d/x.conf", f"machine http://127.0.0.1:{closed.port} login u password p\n")
        apt_machine.write("sources.list.d/test.sources", stanza(closed.address, garden))
        apt_machine.update()
        project = apt_checkout.resolve()
        apt_machine.write("auth.conf.d/x.conf", f"machine http://127.0.0.1:{closed.port} login u password wrong\n")
        with pytest.raises(InstallerError, match="could not be downloaded") as caught:
            apt_checkout.download(project)

    assert "401" in str(caught.value)
