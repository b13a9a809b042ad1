"""Archives of apt: labels, keyrings and the days on which their keys expire."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lifecycle.config.sources.package_sources import AptRepository
from lifecycle.doctor.archives import (
    check_archives,
    check_keyrings,
    keyring_finding,
    last_day,
    repositories_in_use,
    suites,
)
from lifecycle.doctor.finding import State
from lifecycle.sources.apt.machine import MachineArchive
from tests.support.builders.apt_archive import Archive
from tests.support.builders.projects import component, project
from tests.support.fakes.archives import KnownArchives
from tests.support.servers.processes import free_port

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def repository(suite: str = "stable", keyring: Path | None = None) -> AptRepository:
    components = [] if suite.endswith("/") else ["main"]
    if keyring is None:
        return AptRepository(archive="Debian", suite=suite, components=components)
    return AptRepository(uri="https://example.org", keyring=keyring, suite=suite, components=components)


def test_only_the_archives_of_declared_releases_count() -> None:
    other = "    other:\n      kind: apt\n      repositories: [{archive: Other, suite: s, components: [main]}]\n"
    declared = component(("    new-2:\n      kind", f"{other}    new-2:\n      kind"))

    assert [(r.label, r.suite) for r in repositories_in_use(declared)] == [("Debian", "old"), ("Debian", "new")]


def test_a_label_that_apt_does_not_know_is_told_once_with_what_to_do() -> None:
    (found,) = check_archives(project(), KnownArchives())

    assert found.state is State.ERROR
    assert "no archive labelled 'Debian'" in found.text
    assert "apt-get update" in found.text


def test_an_archive_that_does_not_answer_is_named_with_its_suites() -> None:
    archive = MachineArchive(uris=(f"http://127.0.0.1:{free_port()}/",))
    found = list(check_archives(project(), KnownArchives(Debian=archive)))

    assert [(f.state, f.text.partition(": ")[0]) for f in found] == [
        (State.ERROR, "Debian, old"),
        (State.ERROR, "Debian, new"),
    ]
    assert "refused" in found[0].text


@pytest.mark.parametrize(
    ("suite", "path"), [("stable", "dists/stable/InRelease"), ("flat/", "flat/InRelease"), ("/", "InRelease")]
)
def test_the_index_of_a_suite_is_where_apt_reads_it(suite: str, path: str) -> None:
    archive = MachineArchive(uris=("cdrom://[disc]/", "https://example.org/debian/"))
    (found,) = suites(repository(suite), archive)

    assert found.release_file == f"https://example.org/debian/{path}"


def test_a_local_archive_needs_no_network() -> None:
    assert list(suites(repository(), MachineArchive(uris=("file:/srv/debian/",)))) == []


def test_a_keyring_is_read_by_gpg(archive: Archive) -> None:
    assert keyring_finding(archive.keyring, repository(keyring=archive.keyring), NOW).state is State.OK


def test_a_missing_keyring_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "none.gpg"
    found = keyring_finding(path, repository(keyring=path), NOW)

    assert found.state is State.ERROR
    assert "does not exist" in found.text


def test_a_file_without_keys_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "page.gpg"
    path.write_text("<html>not found</html>")
    found = keyring_finding(path, repository(keyring=path), NOW)

    assert found.state is State.ERROR
    assert "gpg cannot read it" in found.text


def test_a_keyring_that_no_entry_of_apt_names_is_not_asked_for() -> None:
    (found,) = check_keyrings(project(), KnownArchives(Debian=MachineArchive(uris=("http://x/",))))

    assert found.state is State.OK


def key(kind: str, days: int | None, *, validity: str = "-", can: str = "scESC") -> str:
    end = "" if days is None else str(int((NOW + timedelta(days=days)).timestamp()))
    return f"{kind}:{validity}:4096:1:ABCD:1600000000:{end}::-:::{can}:"


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        ([key("pub", 10)], 10),
        ([key("pub", 10), key("sub", 40, can="s")], 40),
        ([key("pub", 10), key("sub", 40, can="e")], 10),
        ([key("pub", 10), key("pub", 40, validity="r")], 10),
        ([key("pub", -5, validity="e")], -5),
    ],
)
def test_the_last_key_that_signs_counts(lines: list[str], days: int) -> None:
    assert last_day(["tru::1", *lines, "uid:-::::x"]) == NOW + timedelta(days=days)


def test_one_key_without_an_end_is_valid_for_ever() -> None:
    assert last_day([key("pub", -5), key("pub", None)]) is None
