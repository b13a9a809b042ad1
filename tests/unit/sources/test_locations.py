from pathlib import Path

import pytest

from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.sources.apt.machine import MachineArchive, MachineArchives, UndeclaredOriginError
from lifecycle.sources.locations import InputLocations, glob_template, is_url, origin_of
from lifecycle.sources.swift import SwiftSession


class Machine(MachineArchives):
    """A machine whose apt knows Debian."""

    archives = {"Debian": (MachineArchive(uris=("http://mirror.example/debian/",)),)}


OWN = AptRepository(uri="https://own.example/gl", keyring=Path("/k.gpg"), suite="1592.9", components=["main"])
DEBIAN = AptRepository(archive="Debian", suite="trixie", components=["main"])
LOCATIONS = InputLocations(
    root=Path("/checkout"), machine=Machine(), swift=SwiftSession({}), repositories=[DEBIAN, OWN]
)


@pytest.mark.parametrize(
    ("origin", "uri"),
    [
        ("https://elsewhere.example/NVIDIA-1.run", "https://elsewhere.example/NVIDIA-1.run"),
        ("file:inputs/a b.deb", "file:///checkout/inputs/a%20b.deb"),
        ("file:/srv/a.run", "file:///srv/a.run"),
    ],
)
def test_an_origin_has_an_address_on_this_machine(origin: str, uri: str) -> None:
    assert LOCATIONS.address(origin).uri == uri


def test_the_error_for_an_undeclared_archive_names_its_file() -> None:
    with pytest.raises(
        UndeclaredOriginError, match=r"Ubuntu/pool/a\.deb, but component\.yaml declares no such archive"
    ):
        LOCATIONS.address("Ubuntu/pool/a.deb")


@pytest.mark.parametrize(
    ("location", "origin", "web"),
    [
        ("https://x/a.run", "https://x/a.run", True),
        ("swift:c/a.run", "swift:c/a.run", False),
        ("inputs/a.run", "file:inputs/a.run", False),
        ("file:///srv/a.run", "file:/srv/a.run", False),
    ],
)
def test_a_location_has_an_origin(location: str, origin: str, web: bool) -> None:
    assert (origin_of(location), is_url(location)) == (origin, web)


def test_all_other_characters_of_a_template_are_literal(tmp_path: Path) -> None:
    for name in ("a[1]-1.2.run", "a[1]-3.run", "a1-4.run", "a[1]-5.txt"):
        (tmp_path / name).touch()

    assert [path.name for path in glob_template(tmp_path / "a[1]-{version}.run")] == ["a[1]-1.2.run", "a[1]-3.run"]
