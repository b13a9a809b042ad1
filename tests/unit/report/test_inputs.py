import pytest

from lifecycle.config.lock import Lock, LockedFile, LockedKernel
from lifecycle.report.inputs import InputFile, input_groups, links_of
from tests.support.builders.projects import lock, project


def group_of(origin: str) -> InputFile:
    """Return the headers of a kernel whose file has that origin."""
    file = LockedFile(name="linux-headers", version="1:6.1+a~b", origin=origin, size=1, sha256="a" * 64)
    kernel = LockedKernel(declaration="d", release="6.1.0-1-amd64", version="6.1", headers=[file])
    known = lock(kernels={"old-1/amd64": kernel, "new-2/amd64": kernel})
    now = project(lock=Lock(kernels=known.kernels, drivers=known.drivers, bases=known.bases))
    return input_groups(now, now.matrix.combinations)[0].files[0]


def test_shared_inputs_are_listed_once_with_the_number_of_their_users() -> None:
    now = project()
    groups = input_groups(now, now.matrix.combinations)

    assert {group.title: group.users for group in groups} == {
        "kernel 6.1.0-56-cloud-amd64, of old-1/amd64": 2,
        "kernel 6.12.117-amd64, of new-2/amd64": 2,
        "driver 535.309.01, amd64": 2,
        "driver 550.163.01, amd64": 2,
        "base BUILDER_OLD_1": 2,
        "base RUNTIME": 4,
        "base BUILDER_NEW_2": 2,
    }


def test_every_link_of_a_combination_has_its_group() -> None:
    now = project()
    anchors = {group.anchor for group in input_groups(now, now.matrix.combinations)}

    assert {link.anchor for c in now.matrix.combinations for link in links_of(now, c)} == anchors


@pytest.mark.parametrize(
    ("origin", "purl", "address"),
    [
        ("Debian-Security/pool/l/h_1_amd64.deb", "pkg:deb/debian/linux-headers@1%3A6.1%2Ba~b?arch=amd64", ""),
        (
            "https://example.org/pool/h_1_all.deb",
            "pkg:deb/old/linux-headers@1%3A6.1%2Ba~b?arch=all",
            "https://example.org/pool/h_1_all.deb",
        ),
        ("swift:bucket/h_1_amd64.deb", "pkg:deb/old/linux-headers@1%3A6.1%2Ba~b?arch=amd64", ""),
        ("https://example.org/driver.run", "", "https://example.org/driver.run"),
        ("javascript:alert(1)", "", ""),
    ],
)
def test_a_package_has_a_package_url_and_only_web_addresses_are_links(origin: str, purl: str, address: str) -> None:
    file = group_of(origin)

    assert (file.purl, file.address) == (purl, address)
