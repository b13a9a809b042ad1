"""Settings of the machine's apt.conf that are for its own packages: they do not keep an archive from being used."""

import pytest

from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.apt_checkout import fetch, stanza
from tests.support.checkouts.source_checkout import SourceCheckout
from tests.support.machines.apt_machine import AptMachine
from tests.support.servers.web_server import Web


@pytest.mark.parametrize(
    "setting",
    [
        'APT::Default-Release "bookworm";',
        'Dir::Cache::archives "/mnt/gone";',
        # Debian's container images have these.
        'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache ""; Acquire::GzipIndexes "true";',
        'APT::Update::Post-Invoke {"false";}; DPkg::Pre-Install-Pkgs {"false";};',
        'Acquire::Languages {"de";}; APT::Architectures {"amd64";"i386";};',
    ],
)
def test_a_setting_for_the_machines_own_packages_does_no_harm(
    apt_checkout: SourceCheckout, apt_machine: AptMachine, web: Web, garden: Archive, setting: str
) -> None:
    apt_machine.write("apt.conf.d/90own", f"{setting}\n")
    apt_machine.write("sources.list.d/test.sources", stanza(web.address, garden))
    apt_machine.update()

    assert fetch(apt_checkout)
