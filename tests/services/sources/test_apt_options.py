"""Options of the machine's entries in sources.list(5)."""

from collections.abc import Callable

import pytest

from lifecycle.sources.apt.index import ArchiveUpdateError
from tests.support.builders.apt_archive import Archive, write_release
from tests.support.checkouts.apt_checkout import SUITE, debs_of, fetch, stanza
from tests.support.checkouts.source_checkout import SourceCheckout
from tests.support.machines.apt_machine import AptMachine
from tests.support.servers.processes import free_port
from tests.support.servers.web_server import Web


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
    apt_checkout: SourceCheckout,
    apt_machine: AptMachine,
    web: Web,
    garden: Archive,
    damage: Callable[[Web, Archive], None],
    name: str,
    on: str,
    off: str,
    form: str,
) -> None:
    damage(web, garden)
    apt_machine.write(*entry(web, garden, form, name, on))
    apt_machine.update()
    files = fetch(apt_checkout)

    assert list(apt_checkout.resolve(update=True).lock.files()) == files
    apt_machine.write(*entry(web, garden, form, name, off))
    apt_checkout.empty_cache()
    with pytest.raises(ArchiveUpdateError):
        apt_checkout.resolve(update=True)


def test_a_key_in_the_machines_entry_is_used(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive
) -> None:
    key = garden.armoured_key().replace("\n\n", "\n.\n").strip().replace("\n", "\n ")
    apt_machine.write("sources.list.d/test.sources", stanza(web.address, garden, Signed_By=f"\n {key}"))
    apt_machine.update()

    assert fetch(apt_checkout)


def test_an_entry_that_is_off_is_not_used(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive
) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    off = stanza(closed, garden, Enabled="no")
    apt_machine.write("sources.list.d/test.sources", f"{off}\n{stanza(web.address, garden, Suites=f'{SUITE} gone')}")
    apt_machine.update()

    assert {file.name for file in fetch(apt_checkout)} <= debs_of(web)
