import errno
import os
from pathlib import Path

import pytest

from lifecycle.cache.cache import TESTED, Cache
from lifecycle.cache.evidence import note_evidence
from lifecycle.cache.inventory import CacheSection, Item, freed_bytes, list_items
from lifecycle.cache.last_used import note_used, write_used
from tests.support.builders.cache_items import NOW, OTHER, aged, kept_input, kept_result, written

IMAGE = "nvidia-installer/kernel-6-1:0123456789abcdef"
HOURS = 2 * 3600


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def stock(cache: Cache) -> dict[str, Item]:
    """Return the items of the cache by their paths relative to its root."""
    return {item.path.relative_to(cache.root).as_posix(): item for item in list_items(cache, NOW)}


def known(cache: Cache) -> dict[str, tuple[CacheSection, str, str]]:
    return {path: (item.part, item.kind, item.name) for path, item in stock(cache).items()}


def test_where_there_is_no_cache_there_is_nothing(cache: Cache) -> None:
    assert list_items(cache, NOW) == []
    assert not cache.root.exists()


def test_all_that_is_written_is_known_by_its_name(cache: Cache) -> None:
    kept_input(cache, OTHER)
    cache.save_index()
    kept_result(cache, "modules", OTHER)
    cache.remember("image", "a/b/c", {})
    cache.log("compile", "a/b/c").write_text("")
    note_evidence(cache, TESTED, "sha256:1", {"combination": "a/b/c"})
    note_used(cache, [OTHER])
    written(cache.conftest_answers(IMAGE))
    written(cache.timing("a/b"))
    written(cache.root / f"radar/{OTHER}.json")
    cache.note_uploaded("registry/repository", [OTHER])
    written(cache.part(OTHER[:-1] + "0"))
    written(cache.root / "apt/bookworm-amd64-1/lists/x")
    written(cache.root / "lock")

    assert known(cache) == {
        f"blobs/{OTHER}": (CacheSection.BLOB, "", OTHER),
        f"results/modules/{OTHER}": (CacheSection.RESULT, "modules", OTHER),
        "latest/image/a_b_c.json": (CacheSection.LATEST, "image", "a_b_c"),
        "logs/compile/a_b_c.log": (CacheSection.LOG, "compile", "a_b_c"),
        "tested/1.json": (CacheSection.TESTED, "", "a/b/c"),
        "answers/nvidia-installer_kernel-6-1:0123456789abcdef": (
            CacheSection.ANSWERS,
            "",
            "nvidia-installer_kernel-6-1:0123456789abcdef",
        ),
        f"tmp/{OTHER[:-1]}0.part": (CacheSection.DOWNLOAD, "", f"{OTHER[:-1]}0"),
        "apt/bookworm-amd64-1": (CacheSection.LISTS, "", "bookworm-amd64-1"),
        "timings/a_b.json": (CacheSection.TIMING, "", "a_b"),
        f"radar/{OTHER}.json": (CacheSection.FAILURE, "", OTHER),
        "uploaded/registry_repository.json": (CacheSection.BOOKS, "", "registry_repository"),
        "lock": (CacheSection.BOOKS, "", "lock"),
        "used.json": (CacheSection.BOOKS, "", "used.json"),
    }


def test_the_folder_of_uploads_of_an_older_version_is_outdated(cache: Cache) -> None:
    written(cache.root / "given/registry_repository.json")

    assert known(cache) == {"given/registry_repository.json": (CacheSection.OUTDATED, "", "registry_repository")}


@pytest.mark.parametrize(
    "path",
    [
        "mine",
        "folder/mine",
        "blobs/mine",
        f"blobs/{OTHER[:-1]}",
        f"results/mine/{OTHER}/result.json",
        "results/modules/mine",
        "results/mine",
        "latest/mine",
        "latest/modules/mine",
        "logs/modules/mine.txt",
        "tested/mine",
        "answers/mine",
        "timings/mine",
        "radar/mine",
        "uploaded/mine",
        "given/mine",
        "tmp/mine",
        "tmp/mine.part",
        "apt/mine",
        "tested/1.json",
    ],
)
def test_what_we_did_not_write_is_not_ours(cache: Cache, path: str) -> None:
    written(cache.root / path)

    assert [item.part for item in list_items(cache, NOW)] == [CacheSection.FOREIGN]


@pytest.mark.parametrize(
    "name", ["blobs", "results", "tmp", "apt", "logs", "latest", "tested", "answers", "timings", "uploaded", "given"]
)
def test_a_folder_that_is_a_link_is_not_ours_and_nobody_goes_there(cache: Cache, name: str, tmp_path: Path) -> None:
    other = Cache(tmp_path / "other")
    kept_input(other, OTHER)
    cache.root.mkdir()
    (cache.root / name).symlink_to(tmp_path / "other/blobs")

    assert known(cache) == {name: (CacheSection.FOREIGN, "", name)}


@pytest.mark.parametrize(
    "path", [f"blobs/{OTHER}", f"results/modules/{OTHER}", f"tmp/{OTHER}.part", "tmp/compile-abcdefgh", "lock"]
)
def test_a_link_is_not_ours_whatever_it_is_called(cache: Cache, path: str, tmp_path: Path) -> None:
    (cache.root / path).parent.mkdir(parents=True)
    (cache.root / path).symlink_to(tmp_path)

    assert [item.part for item in list_items(cache, NOW)] == [CacheSection.FOREIGN]


def test_bytes_to_which_several_links_lead_are_counted_once(cache: Cache) -> None:
    blob = kept_input(cache, OTHER)
    link = written(cache.tmp / "base-abcdefgh/debs/x.deb")
    link.unlink()
    link.hardlink_to(blob)
    found = stock(cache)

    assert found[f"blobs/{OTHER}"].size == blob.stat().st_blocks * 512 > 0
    assert found["tmp/base-abcdefgh"].size == 2 * (cache.tmp / "base-abcdefgh").stat().st_blocks * 512


def test_only_what_no_other_link_leads_to_makes_room(cache: Cache) -> None:
    blob, single = kept_input(cache, OTHER), written(cache.root / "blobs/single")
    blob.with_name("other").hardlink_to(blob)

    assert (freed_bytes(blob), freed_bytes(single)) == (0, single.stat().st_blocks * 512)
    assert freed_bytes(cache.root / "blobs") == freed_bytes(single)


def test_an_item_was_used_when_written_or_noted_by_a_build(cache: Cache) -> None:
    kept_input(cache, OTHER, age=500)
    kept_result(cache, "archive", OTHER, age=700)
    written(cache.conftest_answers(IMAGE), age=900)
    assert {item.used for item in stock(cache).values()} == {NOW - 500, NOW - 700, NOW - 900}

    write_used(cache, {OTHER: int(NOW) - 600, IMAGE: int(NOW) - 1})
    used = {path: NOW - item.used for path, item in stock(cache).items()}
    assert used[f"blobs/{OTHER}"] == 500
    assert used[f"results/archive/{OTHER}"] == 600
    assert used["answers/nvidia-installer_kernel-6-1:0123456789abcdef"] == 1


def test_a_folder_was_used_when_the_last_file_in_it_was_written(cache: Cache) -> None:
    root = cache.root / "apt/bookworm-amd64-1"
    old, new = written(root / "lists/old"), written(root / "status")
    aged(root, 9000)
    os.utime(new, (NOW - 100, NOW - 100))

    assert old.exists()
    assert list_items(cache, NOW)[0].used == NOW - 100


def test_a_scratch_folder_is_busy_while_somebody_is_there_however_long(cache: Cache) -> None:
    with cache.scratch("compile") as folder:
        (folder / "file").write_text("")
        aged(folder, 100_000)
        (mine,) = list_items(cache, NOW)
        left = written(cache.tmp / "compile-abcdefgh/file").parent
        busy = {item.path: item.busy for item in list_items(cache, NOW)}

    assert (mine.part, mine.busy) == (CacheSection.LEFTOVER, True)
    assert busy == {folder: True, left: False}


def test_a_scratch_folder_on_a_file_system_without_locks_counts_as_busy(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with cache.scratch("compile"):
        assert [item.busy for item in list_items(cache, NOW)] == [True]


@pytest.mark.parametrize("name", [f"{OTHER}.part", f"{OTHER}.bundle.part", "tmpabcdefgh"])
def test_a_file_that_is_written_to_is_busy_until_nobody_has_for_an_hour(cache: Cache, name: str) -> None:
    path = written(cache.tmp / name, age=3500)
    assert [item.busy for item in list_items(cache, NOW)] == [True]

    aged(path, 3700)
    assert [item.busy for item in list_items(cache, NOW)] == [False]


@pytest.mark.parametrize("name", [f"{OTHER}.bundle.part", "tmpabcdefgh", f"{OTHER}.part"])
def test_a_file_that_nobody_takes_up_again_was_left_behind(cache: Cache, name: str) -> None:
    kept_input(cache, OTHER)
    written(cache.tmp / name, age=HOURS)

    assert known(cache)[f"tmp/{name}"][0] is CacheSection.LEFTOVER
