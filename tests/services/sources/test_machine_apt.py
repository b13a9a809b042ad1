"""Archives of the machine's own apt: what apt reaches, as its configuration says, is resolved and downloaded."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from lifecycle.config.lock import LockedFile
from lifecycle.errors import InstallerError
from lifecycle.sources.apt.index import ArchiveUpdateError
from tests.support.builders.apt_archive import Archive, make_flat_archive, write_release
from tests.support.builders.source_checkout import SourceCheckout, make_source_checkout
from tests.support.machines.apt_machine import AptMachine, make_apt_machine
from tests.support.servers.processes import free_port
from tests.support.servers.registry_server import certificate
from tests.support.servers.tinyproxy_server import Tinyproxy, tinyproxy_server
from tests.support.servers.web_server import Web, web_server

SUITE = "1592.9"
HOST = "archive.example"


def repository(**fields: object) -> str:
    """Return a source of one repository, in YAML's flow style: the archive labelled Test, unless fields say otherwise."""
    fields = {"archive": "Test", "suite": "{version}", "components": ["main"]} | fields
    return json.dumps({"kind": "apt", "repositories": [fields]})


@pytest.fixture
def checkout(tmp_path: Path) -> SourceCheckout:
    return make_source_checkout(tmp_path, repository(), environ={})


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AptMachine:
    """Return a machine without sources whose apt the process uses."""
    made = make_apt_machine(tmp_path / "machine")
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def proxy(web: Web, tmp_path: Path) -> Iterator[Tinyproxy]:
    """Start the only way to a host that has no address: a proxy, by which the web server gets whole addresses."""
    (web.folder / "http:").mkdir()
    (web.folder / "http:" / f"{HOST}:80").symlink_to(web.folder)
    with tinyproxy_server(tmp_path / "proxy", {HOST: web.port}) as running:
        yield running


def stanza(address: str, archive: Archive, **fields: str) -> str:
    """Return a stanza of a .sources file."""
    shown = {"Types": "deb", "URIs": address, "Suites": SUITE, "Components": "main", "Signed-By": str(archive.keyring)}
    return "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in {**shown, **fields}.items())


def fetch(checkout: SourceCheckout) -> list[LockedFile]:
    """Resolve and download everything, and return the locked files."""
    project = checkout.resolve()
    checkout.download(project)
    files = list(project.lock.files())
    cache = checkout.session().cache
    assert [file.name for file in files if not cache.has_blob(file.sha256)] == []
    return files


def debs_of(web: Web) -> set[str]:
    return {path.rpartition("/")[2].partition("_")[0] for path in web.asked if path.endswith(".deb")}


def test_a_list_of_mirrors_in_a_file_is_followed(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive
) -> None:
    machine.write("mirrors/test.list", f"http://127.0.0.1:{free_port()}\tpriority:2\n{web.address}/\tpriority:1\n")
    machine.write("sources.list.d/test.sources", stanza(f"mirror+file://{machine.etc}/mirrors/test.list", garden))
    machine.update()
    files = fetch(checkout)

    assert {file.origin.partition("/")[0] for file in files} == {"Test"}
    assert {file.name for file in files} <= debs_of(web)


def test_a_list_of_mirrors_on_a_server_is_followed(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive
) -> None:
    (web.folder / "mirrors.txt").write_text(f"{web.address}/\tsuite:{SUITE}\n")
    machine.write("sources.list", f"deb [signed-by={garden.keyring}] mirror+{web.address}/mirrors.txt {SUITE} main\n")
    machine.update()
    fetch(checkout)

    assert "/mirrors.txt" in web.asked


def test_a_mirror_that_lacks_a_file_is_followed_by_the_next_one(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive, tmp_path: Path
) -> None:
    shutil.copytree(web.folder / "dists", tmp_path / "empty/dists")
    with web_server(tmp_path / "empty") as empty:
        machine.write("mirrors/test.list", f"{empty.address}\tpriority:1\n{web.address}\tpriority:2\n")
        machine.write("sources.list.d/test.sources", stanza(f"mirror+file:{machine.etc}/mirrors/test.list", garden))
        machine.update()
        files = fetch(checkout)

    assert {file.name for file in files} <= debs_of(web)


def test_a_mirror_on_this_machine_is_read(checkout: SourceCheckout, machine: AptMachine, garden: Archive) -> None:
    machine.write("mirrors/test.list", f"file:{garden.folder}\n")
    machine.write("sources.list.d/test.sources", stanza(f"mirror+file:{machine.etc}/mirrors/test.list", garden))
    machine.update()

    assert fetch(checkout)


@pytest.mark.parametrize("method", ["file", "copy"])
def test_an_archive_on_this_machine_is_read(
    checkout: SourceCheckout, machine: AptMachine, garden: Archive, method: str
) -> None:
    machine.write("sources.list.d/test.sources", stanza(f"{method}:{garden.folder}", garden))
    machine.update()

    assert fetch(checkout)
    assert all(path.is_file() and not path.is_symlink() for path in checkout.kept())


def test_a_disc_is_read(checkout: SourceCheckout, machine: AptMachine, garden: Archive, tmp_path: Path) -> None:
    shutil.copytree(garden.folder, tmp_path / "disc", ignore=shutil.ignore_patterns("roots"))
    (tmp_path / "disc/.disk").mkdir()
    (tmp_path / "disc/.disk/info").write_text('Garden "Linux" 1592.9')
    machine.write(
        "apt.conf.d/disc", f'Acquire::cdrom::mount "{tmp_path}/disc/";\nAcquire::cdrom::AutoDetect "false";\n'
    )
    shutil.copy(garden.keyring, machine.etc / "trusted.gpg.d")
    added = subprocess.run(
        ["apt-cdrom", "--no-mount", "--cdrom", f"{tmp_path}/disc", "add"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "deb cdrom:[Garden _Linux_ 1592.9]/" in added.stdout

    assert fetch(checkout)


def test_of_several_addresses_the_second_stands_in_for_the_first(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive, tmp_path: Path
) -> None:
    shutil.copytree(web.folder / "dists", tmp_path / "empty/dists")
    with web_server(tmp_path / "empty") as empty:
        machine.write("sources.list.d/test.sources", stanza(f"{empty.address} {web.address}", garden))
        machine.update()
        files = fetch(checkout)

    assert {file.name for file in files} <= debs_of(web)
    assert debs_of(empty) == debs_of(web)


def test_a_proxy_in_apts_configuration_is_used_for_every_file(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive, proxy: Tinyproxy
) -> None:
    machine.write("apt.conf.d/proxy", f'Acquire::http::Proxy "{proxy.address}";\n')
    machine.write("sources.list.d/test.sources", stanza(f"http://{HOST}/", garden))
    machine.update()
    files = fetch(checkout)

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
    checkout: SourceCheckout,
    machine: AptMachine,
    web: Web,
    garden: Archive,
    proxy: Tinyproxy,
    configuration: str,
) -> None:
    machine.write("detect", f"#!/bin/sh\necho {proxy.address}\n")
    (machine.etc / "detect").chmod(0o755)
    values = {"closed": free_port(), "host": HOST, "proxy": proxy.address, "detect": machine.etc / "detect"}
    machine.write("apt.conf.d/proxy", configuration.format(**values))
    machine.write("sources.list.d/test.sources", stanza(f"http://{HOST}/", garden))
    machine.update()

    assert {file.name for file in fetch(checkout)} <= debs_of(web)


def test_a_host_without_a_proxy_is_reached_directly(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive
) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    machine.write("apt.conf.d/proxy", f'Acquire::http::Proxy "{closed}";\nAcquire::http::Proxy::127.0.0.1 "DIRECT";\n')
    machine.write("sources.list.d/test.sources", stanza(web.address, garden))
    machine.update()

    assert {file.name for file in fetch(checkout)} <= debs_of(web)


@pytest.mark.parametrize("place", ["auth.conf", "auth.conf.d/company.conf"])
def test_a_login_in_apts_configuration_is_used(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive, place: str
) -> None:
    with web_server(web.folder, login="u:p") as closed:
        machine.write(place, f"machine http://127.0.0.1:{closed.port} login u password p\n")
        machine.write("sources.list.d/test.sources", stanza(closed.address, garden))
        machine.update()
        files = fetch(checkout)

    assert {file.name for file in files} <= debs_of(closed)
    assert "u:p" not in (checkout.root / "versions.lock").read_text()


def test_a_login_in_the_address_is_used_and_kept_secret(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive
) -> None:
    with web_server(web.folder, login="u:p4ss") as closed:
        address = closed.address.replace("//", "//u:p4ss@")
        machine.write("sources.list.d/test.sources", stanza(address, garden))
        machine.update()
        fetch(checkout)

    readable = [path for path in checkout.cache.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    assert "p4ss" not in (checkout.root / "versions.lock").read_text()
    assert [path.name for path in readable if b"p4ss" in path.read_bytes()] == []


def test_a_certificate_authority_and_a_login_for_https_are_used(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive, tmp_path: Path
) -> None:
    authority = certificate(tmp_path, "127.0.0.1")
    with web_server(web.folder, login="u:p", certificate=authority) as closed:
        machine.write("apt.conf.d/tls", f'Acquire::https::CaInfo "{authority}";\n')
        machine.write("auth.conf.d/company.conf", f"machine 127.0.0.1:{closed.port} login u password p\n")
        machine.write("sources.list.d/test.sources", stanza(closed.address, garden))
        machine.update()

        assert {file.name for file in fetch(checkout)} <= debs_of(closed)


def _expired(web: Web, archive: Archive) -> None:
    past = "Valid-Until: Thu, 01 Jan 2026 00:00:00 UTC\n"
    write_release(web.folder / "dists" / SUITE, {"Suite": SUITE, "Components": "main"}, archive.keyring.parent, past)


def _unsigned(web: Web, _: Archive) -> None:
    (web.folder / "dists" / SUITE / "InRelease").unlink()


OPTIONS = [
    (_expired, "Check-Valid-Until", "no", "yes"),
    (_unsigned, "Trusted", "yes", "no"),
]


def entry(web: Web, archive: Archive, form: str, name: str, value: str) -> tuple[str, str]:
    """Return the path and the text of a file with one entry, in one of the two formats."""
    if form == "stanza":
        return "sources.list.d/test.sources", stanza(web.address, archive, **{name: value})
    options = f"{name.lower()}={value} signed-by={archive.keyring}"
    return "sources.list", f"deb [ {options} ] {web.address} {SUITE} main\n"


@pytest.mark.parametrize(
    ("form", "damage", "name", "on", "off"),
    [
        *(("stanza", *option) for option in OPTIONS),
        *(("line", *option) for option in OPTIONS),
        # Debian 12's apt does not read this option in a stanza.
        ("line", _unsigned, "Allow-Insecure", "yes", "no"),
    ],
)
def test_an_option_of_the_machines_entry_holds(
    checkout: SourceCheckout,
    machine: AptMachine,
    web: Web,
    garden: Archive,
    damage: Callable[[Web, Archive], None],
    name: str,
    on: str,
    off: str,
    form: str,
) -> None:
    damage(web, garden)
    machine.write(*entry(web, garden, form, name, on))
    machine.update()
    files = fetch(checkout)

    assert list(checkout.resolve(update=True).lock.files()) == files
    machine.write(*entry(web, garden, form, name, off))
    checkout.empty_cache()
    with pytest.raises(ArchiveUpdateError):
        checkout.resolve(update=True)


def test_a_key_in_the_machines_entry_is_used(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive
) -> None:
    key = garden.armoured_key().replace("\n\n", "\n.\n").strip().replace("\n", "\n ")
    machine.write("sources.list.d/test.sources", stanza(web.address, garden, Signed_By=f"\n {key}"))
    machine.update()

    assert fetch(checkout)


def test_an_entry_that_is_off_is_not_used(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive
) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    off = stanza(closed, garden, Enabled="no")
    machine.write("sources.list.d/test.sources", f"{off}\n{stanza(web.address, garden, Suites=f'{SUITE} gone')}")
    machine.update()

    assert {file.name for file in fetch(checkout)} <= debs_of(web)


def test_a_lock_holds_on_a_machine_with_another_mirror(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive
) -> None:
    machine.write("sources.list.d/test.sources", stanza(f"file:{garden.folder}", garden))
    machine.update()
    files = fetch(checkout)
    checkout.empty_cache()
    machine.write("mirrors/test.list", f"{web.address}\n")
    machine.write("sources.list.d/test.sources", stanza(f"mirror+file:{machine.etc}/mirrors/test.list", garden))
    machine.update()
    shutil.rmtree(web.folder / "dists")
    checkout.download(checkout.resolve(locked=True), locked=True)

    assert {file.name for file in files} == debs_of(web)


NVIDIA = [
    ("nvidia-kernel-dkms", "580.105.08-1", ""),
    ("libcuda1", "580.105.08-1", "libc6"),
    ("nvidia-modprobe", "580.105.08-1", ""),
]


@pytest.mark.parametrize("suite", ["/", "./"])
@pytest.mark.parametrize("declared", ["by the machine", "in component.yaml"])
def test_a_driver_comes_from_a_flat_archive_like_nvidias(
    machine: AptMachine, web: Web, garden: Archive, tmp_path: Path, suite: str, declared: str
) -> None:
    folder = "compute/cuda/repos/debian12/x86_64"
    make_flat_archive(web.folder / folder, garden.keyring.parent, NVIDIA, "NVIDIA CUDA")
    address = f"{web.address}/{folder}/"
    machine.write("sources.list.d/cuda.list", f"deb [signed-by={garden.keyring}] {address} {suite}\n")
    machine.update()
    labels: Mapping[str, str] = {"archive": "NVIDIA CUDA"}
    if declared == "in component.yaml":
        labels = {"uri": address, "keyring": str(garden.keyring)}
    garden_linux = {"uri": web.address, "keyring": str(garden.keyring), "suite": SUITE, "components": ["main"]}
    source = json.dumps({"kind": "apt", "repositories": [garden_linux, {**labels, "suite": suite}]})
    driver = "{kind: packages, release: gardenlinux-1592.9}"
    checkout = make_source_checkout(
        tmp_path, source, environ={}, driver=f"{driver}\n    580: {driver}", driver_version="580"
    )
    files = fetch(checkout)

    nvidia = [file for file in files if file.version == "580.105.08-1"]
    assert {file.name for file in nvidia} == {name for name, _, _ in NVIDIA}
    assert all(file.origin.startswith(("NVIDIA CUDA/", address)) for file in nvidia)


def test_a_wrong_login_is_an_error_of_apt_without_a_traceback(
    checkout: SourceCheckout, machine: AptMachine, web: Web, garden: Archive
) -> None:
    with web_server(web.folder, login="u:p") as closed:
        machine.write("auth.conf.d/x.conf", f"machine http://127.0.0.1:{closed.port} login u password p\n")
        machine.write("sources.list.d/test.sources", stanza(closed.address, garden))
        machine.update()
        project = checkout.resolve()
        machine.write("auth.conf.d/x.conf", f"machine http://127.0.0.1:{closed.port} login u password wrong\n")
        with pytest.raises(InstallerError, match="could not be downloaded") as caught:
            checkout.download(project)

    assert "401" in str(caught.value)
