from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle.config.component import Channel, Release
from lifecycle.errors import InstallerError
from lifecycle.radar.arrival import arrival_of
from lifecycle.radar.coming import NoBuilderToCompileError, NoSuchKernelError, sources_to_ask
from lifecycle.sources.apt.index import ArchiveUpdateError
from tests.support.radar.coming_kernels import NEXT, KernelArchive, ask, radar_component, radar_project

OLD = "6.1.0-57-cloud-amd64"
EXPIRED = ArchiveUpdateError("sid", "E: Release file for http://x/InRelease is expired (invalid since 23d)\n")


def names(
    folder: Path, archives: Mapping[str, KernelArchive | InstallerError], kernels: str = ""
) -> list[tuple[str, str]]:
    found = ask(radar_project(), folder, archives, kernels=kernels).kernels
    return [(coming.origin.release.name, coming.kernel.release) for coming in found]


def test_the_own_source_of_each_release_is_asked_and_then_its_suites() -> None:
    found = sources_to_ask(radar_component(), ["old-1", "new-2"])

    assert [(s.release.name, s.name, s.own) for s in found] == [
        ("old-1", "old", True),
        ("new-2", "new", True),
        ("new-2", "new-proposed-updates", False),
    ]


def test_a_release_that_is_not_selected_is_not_asked() -> None:
    assert [s.name for s in sources_to_ask(radar_component(), ["old-1"])] == ["old"]


def test_a_builder_is_that_of_a_release() -> None:
    edit = ("suite: new-proposed-updates", "builder: none-3, suite: new-proposed-updates")
    with pytest.raises(NoBuilderToCompileError, match=r"radar\.new-2: builder 'none-3' is no release with a builder"):
        sources_to_ask(radar_component(edit), ["new-2"])


def test_a_builder_may_be_that_of_a_release_that_is_not_declared() -> None:
    source = "    sid:\n      kind: apt\n      builder: registry.example/sid\n"
    suites = "      repositories: [{archive: Debian, suite: sid, components: [main]}]\n"
    edit = ("suite: new-proposed-updates", "builder: sid, suite: new-proposed-updates")
    found = sources_to_ask(radar_component(edit, ("    new-2:\n", f"{source}{suites}    new-2:\n")), ["new-2"])

    assert [s.builder for s in found] == ["new-2", "sid"]


def test_newer_kernels_are_coming(tmp_path: Path) -> None:
    archives = {"old": KernelArchive({OLD: "6.1.195-1"}), "new-proposed-updates": KernelArchive({NEXT: "6.12.119-1"})}

    assert names(tmp_path, archives) == [("old-1", OLD), ("new-2", NEXT)]


def test_kernels_of_an_archive_are_in_the_order_of_their_versions(tmp_path: Path) -> None:
    offered = {f"6.12.{n}-cloud-amd64": f"6.12.{n}-1" for n in (111, 9, 107)}
    found = names(tmp_path, {"new": KernelArchive(offered)}, "6.12.*")

    assert [kernel for _, kernel in found] == [f"6.12.{n}-cloud-amd64" for n in (9, 107, 111)]


def test_the_locked_kernel_and_older_ones_are_not_coming(tmp_path: Path) -> None:
    archives = {
        "old": KernelArchive({"6.1.0-56-cloud-amd64": "6.1.192"}),
        "new": KernelArchive({"6.12.90-cloud-amd64": "6.12.90-1"}),
    }

    assert names(tmp_path, archives) == []


def test_another_package_of_the_same_kernel_release_is_coming(tmp_path: Path) -> None:
    assert names(tmp_path, {"old": KernelArchive({"6.1.0-56-cloud-amd64": "6.1.192-9"})}) != []


def test_a_glob_selects_older_kernels_too(tmp_path: Path) -> None:
    archives = {"new": KernelArchive({"6.12.90-cloud-amd64": "6.12.90-1", "6.11.1-cloud-amd64": "6.11.1-1"})}

    assert names(tmp_path, archives, "6.12.*") == [("new-2", "6.12.90-cloud-amd64")]


def test_a_glob_without_a_match_names_the_kernels_there_are(tmp_path: Path) -> None:
    with pytest.raises(NoSuchKernelError, match=r"'9\.\*' matches no kernel.* they have 6\.12\.90-cloud-amd64"):
        names(tmp_path, {"new": KernelArchive({"6.12.90-cloud-amd64": "6.12.90-1"})}, "9.*")


def test_an_expired_archive_is_a_warning_with_apts_words(tmp_path: Path) -> None:
    found = ask(radar_project(), tmp_path, {"new-proposed-updates": EXPIRED, "old": KernelArchive({OLD: "6.1.195-1"})})

    assert [coming.kernel.release for coming in found.kernels] == [OLD]
    (warning,) = found.warnings
    assert warning.startswith("new-2: new-proposed-updates: the archive of sid cannot be used; E: Release file")
    assert "is expired" in warning


def test_a_suite_without_kernels_is_no_warning(tmp_path: Path) -> None:
    assert ask(radar_project(), tmp_path, {}).warnings == ()


def test_a_kernel_with_headers_missing_is_a_warning_and_the_others_come(tmp_path: Path) -> None:
    archive = KernelArchive({"6.12.90-cloud-amd64": "6.12.90-1", NEXT: "6.12.119-1"}, without=NEXT)
    found = ask(radar_project(), tmp_path, {"new": archive}, kernels="6.12.*")

    assert [coming.kernel.release for coming in found.kernels] == ["6.12.90-cloud-amd64"]
    assert NEXT in found.warnings[0]


def test_a_kernel_in_two_suites_comes_once_from_the_first(tmp_path: Path) -> None:
    same = KernelArchive({NEXT: "6.12.119-1"})
    (found,) = ask(radar_project(), tmp_path, {"new": same, "new-proposed-updates": same}).kernels

    assert (found.origin.own, found.arrival.days) == (True, 0)


@pytest.mark.parametrize(
    ("suite", "own", "kernel", "days", "words"),
    [
        ("trixie, trixie-security", True, "newest", 0, "at once"),
        ("trixie", True, "6.12.1-cloud-amd64", None, "if `kernel` in component.yaml names it"),
        ("trixie-security", False, "newest", 0, "at once"),
        ("trixie-updates", False, "newest", 0, "at once"),
        ("trixie-proposed-updates", False, "newest", None, "with the next point release"),
        ("trixie-backports", False, "newest", None, "unknown"),
        ("sid", False, "newest", None, "unknown"),
    ],
)
def test_the_suite_tells_when_a_kernel_arrives(
    suite: str, own: bool, kernel: str, days: int | None, words: str
) -> None:
    found = arrival_of(
        Release(name="debian-13", channel=Channel.CURRENT, kernel=kernel),
        suite,
        own=own,
        newest=True,
        replaces="debian-13",
    )

    assert (found.days, found.words) == (days, words)


def test_a_kernel_that_is_not_the_newest_does_not_arrive_by_itself(tmp_path: Path) -> None:
    archive = KernelArchive({"6.12.130-cloud-amd64": "6.12.130-1", NEXT: "6.12.119-1"})
    found = ask(radar_project(), tmp_path, {"new": archive}, kernels="6.12.*").kernels

    assert {coming.kernel.release: coming.arrival.words for coming in found} == {
        "6.12.130-cloud-amd64": "if `kernel` in component.yaml names it",
        NEXT: "at once",
    }


def test_an_older_kernel_does_not_arrive(tmp_path: Path) -> None:
    archive = KernelArchive({"6.12.90-cloud-amd64": "6.12.90-1"})
    (found,) = ask(radar_project(), tmp_path, {"new": archive}, kernels="6.12.*").kernels

    assert found.arrival.days is None
