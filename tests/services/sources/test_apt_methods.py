"""Archives that the machine's apt reaches by its methods: lists of mirrors, folders, discs."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.apt_checkout import SUITE, debs_of, fetch, stanza
from tests.support.checkouts.source_checkout import SourceCheckout
from tests.support.machines.apt_machine import AptMachine
from tests.support.servers.processes import free_port
from tests.support.servers.web_server import Web, web_server


def test_a_list_of_mirrors_in_a_file_is_followed(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive
) -> None:
    apt_machine.write("mirrors/test.list", f"http://127.0.0.1:{free_port()}\tpriority:2\n{web.address}/\tpriority:1\n")
    apt_machine.write(
        "sources.list.d/test.sources", stanza(f"mirror+file://{apt_machine.etc}/mirrors/test.list", garden)
    )
    apt_machine.update()
    files = fetch(apt_checkout)

    assert {file.origin.partition("/")[0] for file in files} == {"Test"}
    assert {file.name for file in files} <= debs_of(web)


def test_a_list_of_mirrors_on_a_server_is_followed(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive
) -> None:
    (web.folder / "mirrors.txt").write_text(f"{web.address}/\tsuite:{SUITE}\n")
    apt_machine.write(
        "sources.list", f"deb [signed-by={garden.keyring}] mirror+{web.address}/mirrors.txt {SUITE} main\n"
    )
    apt_machine.update()
    fetch(apt_checkout)

    assert "/mirrors.txt" in web.asked


def test_a_mirror_that_lacks_a_file_is_followed_by_the_next_one(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive, tmp_path: Path
) -> None:
    shutil.copytree(web.folder / "dists", tmp_path / "empty/dists")
    with web_server(tmp_path / "empty") as empty:
        apt_machine.write("mirrors/test.list", f"{empty.address}\tpriority:1\n{web.address}\tpriority:2\n")
        apt_machine.write(
            "sources.list.d/test.sources", stanza(f"mirror+file:{apt_machine.etc}/mirrors/test.list", garden)
        )
        apt_machine.update()
        files = fetch(apt_checkout)

    assert {file.name for file in files} <= debs_of(web)


def test_a_mirror_on_this_machine_is_read(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, garden: Archive
) -> None:
    apt_machine.write("mirrors/test.list", f"file:{garden.folder}\n")
    apt_machine.write("sources.list.d/test.sources", stanza(f"mirror+file:{apt_machine.etc}/mirrors/test.list", garden))
    apt_machine.update()

    assert fetch(apt_checkout)


@pytest.mark.parametrize("method", ["file", "copy"])
def test_an_archive_on_this_machine_is_read(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, garden: Archive, method: str
) -> None:
    apt_machine.write("sources.list.d/test.sources", stanza(f"{method}:{garden.folder}", garden))
    apt_machine.update()

    assert fetch(apt_checkout)
    assert all(path.is_file() and not path.is_symlink() for path in apt_checkout.kept())


def test_a_disc_is_read(apt_checkout: SourceCheckout, apt_machine: AptMachine, garden: Archive, tmp_path: Path) -> None:
    shutil.copytree(garden.folder, tmp_path / "disc", ignore=shutil.ignore_patterns("roots"))
    (tmp_path / "disc/.disk").mkdir()
    (tmp_path / "disc/.disk/info").write_text('Garden "Linux" 1592.9')
    apt_machine.write(
        "apt.conf.d/disc", f'Acquire::cdrom::mount "{tmp_path}/disc/";\nAcquire::cdrom::AutoDetect "false";\n'
    )
    shutil.copy(garden.keyring, apt_machine.etc / "trusted.gpg.d")
    added = subprocess.run(
        ["apt-cdrom", "--no-mount", "--cdrom", f"{tmp_path}/disc", "add"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "deb cdrom:[Garden _Linux_ 1592.9]/" in added.stdout

    assert fetch(apt_checkout)


def test_of_several_addresses_the_second_stands_in_for_the_first(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive, tmp_path: Path
) -> None:
    shutil.copytree(web.folder / "dists", tmp_path / "empty/dists")
    with web_server(tmp_path / "empty") as empty:
        apt_machine.write("sources.list.d/test.sources", stanza(f"{empty.address} {web.address}", garden))
        apt_machine.update()
        files = fetch(apt_checkout)

    assert {file.name for file in files} <= debs_of(web)
    assert debs_of(empty) == debs_of(web)


def test_a_lock_holds_on_a_machine_with_another_mirror(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive
) -> None:
    apt_machine.write("sources.list.d/test.sources", stanza(f"file:{garden.folder}", garden))
    apt_machine.update()
    files = fetch(apt_checkout)
    apt_checkout.empty_cache()
    apt_machine.write("mirrors/test.list", f"{web.address}\n")
    apt_machine.write("sources.list.d/test.sources", stanza(f"mirror+file:{apt_machine.etc}/mirrors/test.list", garden))
    apt_machine.update()
    shutil.rmtree(web.folder / "dists")
    apt_checkout.download(apt_checkout.resolve(locked=True), locked=True)

    assert {file.name for file in files} == debs_of(web)
