from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.sources import AptRepository
from lifecycle.sources.apt_machine import (
    ArchiveNotConfiguredError,
    MachineArchive,
    MachineArchives,
    UndeclaredOriginError,
    _signed_by,
)


class Machine(MachineArchives):
    """A machine whose apt knows two archives."""

    archives = {
        "Debian": MachineArchive(uri="http://mirror.example/debian/", signed_by="/keys/debian.gpg"),
        "Debian-Security": MachineArchive(uri="http://mirror.example/debian-security/", signed_by=None),
    }


def repository(label: str) -> AptRepository:
    return AptRepository(archive=label, suite="bookworm", components=["main", "non-free"])


REPOSITORIES = [repository("Debian"), repository("Debian-Security")]
paths = st.text(alphabet=st.sampled_from("abcXYZ019.+~_-/"), min_size=1, max_size=30).filter(lambda p: p[0] != "/")


@given(st.sampled_from(["Debian", "Debian-Security"]), paths)
def test_an_address_converts_back_to_its_origin(label: str, path: str) -> None:
    origin = f"{label}/{path}"

    assert Machine().origin(Machine().address(origin, REPOSITORIES), REPOSITORIES) == origin


def test_an_origin_has_the_label_and_an_address_the_machines_mirror() -> None:
    uri = "http://mirror.example/debian-security/pool/n/nvidia_535-0%2bdeb12u1_amd64.deb"
    origin = "Debian-Security/pool/n/nvidia_535-0+deb12u1_amd64.deb"

    assert Machine().origin(uri, REPOSITORIES) == origin
    assert Machine().address(origin, REPOSITORIES) == uri


def test_an_archive_with_its_own_address_ignores_the_machines_apt() -> None:
    own = AptRepository(uri="https://packages.example/x", keyring=Path("/k.gpg"), suite="1592.9", components=["main"])

    assert Machine().address("https://packages.example/x/pool/a.deb", [own]) == "https://packages.example/x/pool/a.deb"
    assert Machine().stanza(own).splitlines() == [
        "Types: deb",
        "URIs: https://packages.example/x/",
        "Suites: 1592.9",
        "Components: main",
        "Signed-By: /k.gpg",
    ]


def test_an_archive_without_keys_has_no_signed_by() -> None:
    assert "Signed-By" not in Machine().stanza(repository("Debian-Security"))
    assert "Signed-By: /keys/debian.gpg\n" in Machine().stanza(repository("Debian"))


def test_the_error_for_an_unknown_archive_lists_the_known_ones() -> None:
    with pytest.raises(
        ArchiveNotConfiguredError,
        match=r"no archive labelled 'Ubuntu' \(it has: Debian, Debian-Security\): run `apt-get update`",
    ):
        Machine().archive(repository("Ubuntu"))


def test_a_locked_file_of_an_undeclared_archive_is_an_error() -> None:
    with pytest.raises(UndeclaredOriginError, match=r"versions\.lock names Elsewhere/pool/a\.deb"):
        Machine().address("Elsewhere/pool/a.deb", REPOSITORIES)


def test_the_apt_of_this_machine_knows_debian() -> None:
    archives = MachineArchives().archives

    assert archives["Debian"].uri.endswith("/")


@pytest.mark.parametrize(
    ("name", "text", "number", "keys"),
    [
        ("a.sources", "Types: deb\nURIs: x\n\nTypes: deb\nURIs: y\nSigned-By: /k.gpg\n", 2, "/k.gpg"),
        ("a.sources", "Types: deb\nURIs: x\n", 1, None),
        ("a.list", "# comment\ndeb [arch=amd64 signed-by=/k.gpg] http://x y main\n", 2, "/k.gpg"),
        ("a.list", "deb http://x y main\n", 1, None),
    ],
)
def test_keys_are_read_from_the_entry_that_apt_names(
    tmp_path: Path, name: str, text: str, number: int, keys: str | None
) -> None:
    (tmp_path / name).write_text(text)

    assert _signed_by(f"{tmp_path / name}:{number}") == keys
