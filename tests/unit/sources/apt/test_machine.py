from pathlib import Path

import pytest

from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.sources.apt.machine import (
    ArchiveNotConfiguredError,
    MachineArchive,
    MachineArchives,
    UndeclaredOriginError,
    repositories_of,
)
from tests.support.builders.apt_archive import Archive
from tests.support.machines.apt_machine import AptMachine, make_apt_machine

AMD64, ARM64 = Architecture.AMD64, Architecture.ARM64


class Machine(MachineArchives):
    """A machine whose apt knows some archives."""

    archives = {
        "Debian": (
            MachineArchive(
                uris=("mirror+file:/etc/apt/mirrors/debian.list/", "http://mirror.example/debian/"),
                options={"Signed-By": "/keys/debian.gpg", "Check-Valid-Until": "no"},
                suites=frozenset({"bookworm"}),
            ),
            MachineArchive(uris=("http://old.example/debian/",), suites=frozenset({"bullseye"})),
        ),
        "Debian-Security": (MachineArchive(uris=("http://mirror.example/debian-security/",)),),
        "Ports": (
            MachineArchive(uris=("http://amd64.example/",), architectures=frozenset({"amd64"})),
            MachineArchive(uris=("http://arm64.example/",), architectures=frozenset({"arm64"})),
        ),
    }


def repository(label: str, suite: str = "bookworm") -> AptRepository:
    return AptRepository(archive=label, suite=suite, components=["main", "non-free"])


REPOSITORIES = [repository("Debian"), repository("Debian-Security")]
OWN = AptRepository(uri="file:///srv/x", keyring=Path("/k.gpg"), suite="1592.9", components=["main"])
INNER = AptRepository(uri="file:///srv/x/inner/", keyring=Path("/k.gpg"), suite="./")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AptMachine:
    made = make_apt_machine(tmp_path / "machine")
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("http://mirror.example/debian/pool/a%2bb_1.deb", "Debian/pool/a+b_1.deb"),
        ("mirror+file:/etc/apt/mirrors/debian.list/pool/a.deb", "Debian/pool/a.deb"),
        ("http://old.example/debian/pool/a.deb", "Debian/pool/a.deb"),
        (
            "http://mirror.example/debian-security/pool/n_535-0%2bdeb12u1_amd64.deb",
            "Debian-Security/pool/n_535-0+deb12u1_amd64.deb",
        ),
        ("file:/srv/x/pool/a.deb", "file:///srv/x/pool/a.deb"),
        ("file:/srv/x/inner/./a.deb", "file:///srv/x/inner//./a.deb"),
    ],
)
def test_an_origin_has_the_label_in_place_of_the_address(uri: str, origin: str) -> None:
    assert Machine().origin(uri, [*REPOSITORIES, OWN, INNER]) == origin


def test_an_address_of_no_declared_archive_is_an_error() -> None:
    with pytest.raises(UndeclaredOriginError, match=r"http://elsewhere\.example/a\.deb"):
        Machine().origin("http://elsewhere.example/a.deb", REPOSITORIES)


def test_an_archive_with_its_own_address_ignores_the_machines_apt() -> None:
    assert Machine().entry(OWN, AMD64).splitlines() == [
        "Types: deb",
        "URIs: file:///srv/x/",
        "Suites: 1592.9",
        "Components: main",
        "Signed-By: /k.gpg",
        "Architectures: amd64",
        "Languages: none",
        "Targets: Packages",
    ]


def test_a_stanza_has_all_addresses_and_options_of_the_machines_entry() -> None:
    assert Machine().entry(repository("Debian"), ARM64, Trusted="yes").splitlines() == [
        "Types: deb",
        "URIs: mirror+file:/etc/apt/mirrors/debian.list/ http://mirror.example/debian/",
        "Suites: bookworm",
        "Components: main non-free",
        "Signed-By: /keys/debian.gpg",
        "Check-Valid-Until: no",
        "Architectures: arm64",
        "Languages: none",
        "Targets: Packages",
        "Trusted: yes",
    ]


def test_an_entry_keeps_the_format_of_the_machines_one() -> None:
    machine = Machine()
    options = {"Signed-By": "/a b.gpg", "Allow-Insecure": "yes", "By-Hash-Remove": "x"}
    line = MachineArchive(uris=("cdrom://[Debian 12]/",), options=options, is_line=True)
    machine.archives = {"Debian": (line,)}

    assert machine.entry(repository("Debian"), AMD64, Trusted="yes") == (
        'deb [ signed-by="/a b.gpg" allow-insecure=yes by-hash-=x arch=amd64 lang=none target=Packages trusted=yes ] '
        "cdrom://[Debian 12]/ bookworm main non-free\n"
    )


def test_a_flat_archive_has_no_components() -> None:
    assert "Components" not in Machine().entry(INNER, AMD64)
    assert "Suites: ./\n" in Machine().entry(INNER, AMD64)


def test_of_several_entries_the_one_with_the_suite_is_taken() -> None:
    assert Machine().archive(repository("Debian", "bullseye"), AMD64).uris == ("http://old.example/debian/",)
    assert "http://mirror.example/debian/" in Machine().archive(repository("Debian", "sid"), AMD64).uris


def test_of_several_entries_the_one_for_the_architecture_is_taken() -> None:
    assert Machine().archive(repository("Ports"), AMD64).uris == ("http://amd64.example/",)
    assert Machine().archive(repository("Ports"), ARM64).uris == ("http://arm64.example/",)


def test_the_error_for_an_unknown_archive_lists_the_known_ones() -> None:
    with pytest.raises(
        ArchiveNotConfiguredError,
        match=r"no archive labelled 'Ubuntu' \(it has: Debian, Debian-Security, Ports\): run `apt-get update`",
    ):
        Machine().archive(repository("Ubuntu"), AMD64)


@pytest.mark.parametrize(
    ("origin", "labels"),
    [
        ("Debian/pool/a.deb", {"Debian"}),
        ("Debian-Security/pool/a.deb", {"Debian-Security"}),
        ("file:///srv/x/pool/a.deb", {"file:///srv/x"}),
        ("file:///srv/x/inner//./a.deb", {"file:///srv/x/inner/"}),
        ("https://elsewhere.example/a.run", set()),
    ],
)
def test_an_origin_has_the_repositories_of_its_archive(origin: str, labels: set[str]) -> None:
    assert {found.label for found in repositories_of(origin, [*REPOSITORIES, OWN, INNER])} == labels


def test_the_apt_of_this_machine_knows_debian() -> None:
    (archive, *_) = MachineArchives().archives["Debian"]

    assert all(uri.endswith("/") for uri in archive.uris)


def test_apt_counts_stanzas_as_we_do(machine: AptMachine, archive: Archive) -> None:
    stanzas = [
        "# a comment\n",
        "# before\nEnabled: no\nTypes: deb\nURIs: file:/nowhere\nSuites: x\nComponents: main\nTrusted: yes\n",
        "# only a comment\n# of two lines\n",
        f"types: deb\n# inner\nuris: file://{archive.folder}\nSuites: stable gone\nComponents: main\n"
        f"signed-by:\n {archive.keyring}\n {archive.wrong_keyring}\nCheck-Valid-Until: no\n",
    ]
    machine.write("sources.list.d/a.sources", "\n\n".join(stanzas))
    machine.update()
    (found,) = MachineArchives().archives["Test"]

    assert found.uris == (f"file:{archive.folder}/",)
    assert found.options["Check-Valid-Until"] == "no"
    assert found.options["Signed-By"].split() == [str(archive.keyring), str(archive.wrong_keyring)]


def test_an_archive_without_a_label_is_known_by_its_address(machine: AptMachine, archive: Archive) -> None:
    packages = archive.folder / "dists/stable/main/binary-amd64/Packages"
    machine.write("local/Packages", packages.read_text())
    machine.write("sources.list", f"\ndeb [ trusted=yes ] copy:{machine.etc}/local ./\n")
    machine.update()
    (found,) = MachineArchives().archives[f"copy:{machine.etc}/local"]

    assert found.options == {"Trusted": "yes"}
